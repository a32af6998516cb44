"""`tonearm library`: from a folder of tagged music to trained models in one call, with a config that is then edited.

Conventions
-----------
The first call reads the tags and writes `library.toml` beside the results: the genres as their owner mostly writes
them, the aliases that are sure (`data.proposals`), and those that only may be right as comments. From then on that file
decides, and it is never written again; so the same call goes on where it was ended, and does anew what an edit changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tonearm.config import Config, load_config
from tonearm.data.catalog import Catalog, read_catalog
from tonearm.data.tagged import GenreTable, quoted
from tonearm.errors import CatalogError, ConfigError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.report import write_report
from tonearm.runtime.files import write_text
from tonearm.runtime.progress import Counting, quietly
from tonearm.runtime.remote import path_text, place
from tonearm.settings import GenreSettings

LIBRARY_TOML = "library.toml"
FOLDS = 5  # so that every track has an answer of a model that did not learn from its artist, which `audit` needs
SHOWN_GENRES = 40
_WORDS = 'write aliases as in "Hip-Hop/Rap" = "Hip-Hop"; case, hyphens and white space make no difference'


@dataclass(frozen=True)
class Started:
    """What came out: the config file, the experiment and its report."""

    config: Path
    experiment: Experiment
    report: Path


def start_library(
    folder: str,
    out: Path,
    overrides: Sequence[str] = (),
    tell: Callable[[str], None] = lambda line: None,
    counting: Counting = quietly,
    workers: int = 1,
) -> Started:
    """Propose a genre map, or take the one that is there; train by it, and write the report. Results lie in `out`.

    overrides: of settings, such as "genres.min_artists=5". tell: called with each line for a person. Raises
    CatalogError where the library holds no two genres to learn, ConfigError where `out` belongs to another library,
    and TonearmError where tags cannot be read here.
    """
    path = out / LIBRARY_TOML
    if path.is_file():
        tell(f"{path}: used as it stands; delete it to have it proposed anew")
    else:
        tell(f"{folder}: reading its tags")
        config = load_config(None, overrides, {"data": {"folder": folder, "labels": "tags"}})
        catalog = read_catalog(config.data, genres=config.genres)
        assert catalog.genres is not None
        tell("\n".join(catalog.genres.lines()[: SHOWN_GENRES + 1]))
        write_text(path, propose(folder, catalog.genres, config.genres))
        tell(f"{path}: the genre map that was made of the tags; edit it, and start the same command again")
        _check_classes(catalog, path)
    config = load_config(path, overrides)
    _check_same(folder, config, path)
    experiment = run_experiment(config, out, tell, counting, workers)
    return Started(path, experiment, write_report(out, counting=counting, workers=workers))


def _check_same(folder: str, config: Config, path: Path) -> None:
    """Raise ConfigError where the config is that of another library, or learns from something else than tags."""
    if place(config.data.folder).resolve() != place(folder).resolve():
        raise ConfigError(f"{path}: is about {config.data.folder}, not {folder}; choose another folder for --out")
    if config.data.labels != "tags":
        raise ConfigError(f'{path}: data.labels = {config.data.labels!r}; this command learns from tags: set "tags"')


def _check_classes(catalog: Catalog, path: Path) -> None:
    """Raise CatalogError where there are no two genres to tell apart."""
    if len(catalog.classes) < 2:
        there = f"only {catalog.classes[0]!r}" if catalog.classes else "no genre"
        raise CatalogError(
            "; ".join(
                [
                    f"{catalog.root}: {there} has enough tracks and artists to be learned",
                    *catalog.notes,
                    f"set genres.min_clips and genres.min_artists lower, or join genres, in {path}",
                ]
            )
        )


def propose(folder: str, genres: GenreTable, settings: GenreSettings) -> str:
    """The text of `library.toml`: loads as a config."""
    sure = [one for one in genres.proposals if one.sure]
    classes = {row.name for row in genres.rows if row.labelled}
    # of a library that is too small as it stands, those that a lower genres.min_clips would let in
    names = (classes or {row.name for row in genres.rows if row.tracks > 1}) | {one.name for one in sure}
    names -= {one.alias for one in sure}
    spelled = {row.name: next(iter(row.spellings)) for row in genres.rows if row.name in names}
    lines = [f"{quoted(name)} = {quoted(spelled[name])}" for name in sorted(spelled)]
    lines += [f"{quoted(one.alias)} = {quoted(spelled.get(one.name, one.name))}" for one in sure]
    perhaps = [
        f"# {quoted(one.alias)} = {quoted(spelled.get(one.name, one.name))}" for one in genres.proposals if not one.sure
    ]
    small = [f"{row.name} ({row.tracks})" for row in genres.rows if row.name not in names]
    place_text = path_text(str(place(folder).absolute()))
    return "\n".join(
        [
            "# What tonearm made of the tags of a library. Edit it: it is never written again.",
            "[data]",
            f"folder = {quoted(place_text)}",
            'labels = "tags"',
            "",
            "[genres]",
            f"min_clips = {settings.min_clips}  # tracks that a genre needs to be learned",
            f"min_artists = {settings.min_artists}  # artists that it needs",
            "",
            f"[genres.alias]  # {_WORDS}",
            *lines,
            *(["# perhaps:", *perhaps] if perhaps else []),
            *_comment("too rare, or beside another genre: ", small),
            "",
            "[split]",
            f"folds = {FOLDS}  # each track is judged by models that know nothing of its artist",
            "",
        ]
    )


def _comment(start: str, words: Sequence[str]) -> list[str]:
    """All words as comments, a few a line."""
    return [
        f"# {start if first == 0 else ''}{', '.join(words[first : first + 8])}" for first in range(0, len(words), 8)
    ]
