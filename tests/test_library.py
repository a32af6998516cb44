"""A tagged library as input: labels and artists, genres that are joined or left out, excerpts, and the one command."""

import csv
import json
import shutil
import tomllib
from pathlib import Path

import pytest

from library_files import NAMED, Track, odd_tracks, plan, write_library
from tonearm.config import load_config, parse_config
from tonearm.data.catalog import read_catalog
from tonearm.data.genres import fold
from tonearm.data.proposals import propose_aliases
from tonearm.data.tagged import GenreRow, GenreTable
from tonearm.errors import CatalogError, ConfigError
from tonearm.library.start import LIBRARY_TOML, propose, start_library
from tonearm.prediction import predict
from tonearm.scan.scan import scan_catalog
from tonearm.settings import DataSettings, GenreSettings

TRACKS = [*plan(tracks=7), *odd_tracks(), Track("old/tape.au", ("blues", 5))]  # which has no tags that are read
FEW = GenreSettings(min_clips=4, min_artists=3)
QUICK = (
    "genres.min_clips=4",
    "models.logistic.type=logistic",
    "features.families=['rms','mfcc']",
    "audio.excerpt_seconds=1.0",
    "split.folds=2",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("Musik 🎵")
    write_library(folder, TRACKS, 2.0)
    (folder / "train" / "cover").mkdir(parents=True)  # folders that would be parts, and other files
    (folder / "train" / "cover" / "front.png").write_bytes(b"")
    return folder


def settings(folder: Path) -> DataSettings:
    return DataSettings(folder=str(folder), labels="tags")


def test_labels_and_artists_are_those_of_the_tags(library: Path) -> None:
    catalog = read_catalog(settings(library), genres=FEW)
    expected = {track.name: (track.label, track.artist) for track in TRACKS}
    assert {clip.name: (clip.label, clip.group) for clip in catalog.clips} == expected
    assert catalog.classes == tuple(sorted(NAMED.values()))
    assert {clip.name for clip in catalog.labelled.clips} == {track.name for track in TRACKS if track.label}
    assert any("3 tracks have no genre and no label" in note and "no tags.mp3" in note for note in catalog.notes)
    assert any(r"(.au) is none whose tags can be read: old/tape.au" in note for note in catalog.notes)
    assert any("gamelan (1 track, 1 artist)" in note for note in catalog.notes)


def test_a_scan_shows_all_genres_with_proposals_to_paste(library: Path, tmp_path: Path) -> None:
    for name in ("a.flac", "b.flac"):
        shutil.copy(library / "inbox" / "no genre.flac", tmp_path / name)
    write_library(
        tmp_path,
        [
            Track(f"{n}.ogg", ("blues", n), {"genre": genre})
            for n, genre in enumerate(["Hip Hop", "HipHop", "hip-hop", "Hiphop Old", "hip hopp"])
        ],
        1.0,
    )
    catalog = read_catalog(settings(tmp_path), genres=FEW)
    report = scan_catalog(catalog, audio=load_config(None, ["data.labels=tags"]).audio)
    text = report.text()
    assert "hip hop          2        2         –  written Hip Hop, hip-hop" in text
    pasted = text.partition("[genres.alias]\n")[2].partition("\nduplicates")[0]
    alias = tomllib.loads("\n".join(line for line in pasted.splitlines() if line.startswith('"')))
    assert alias == {"hiphop": "hip hop", "hip hopp": "hip hop"}
    assert json.loads(json.dumps(report.to_json()))["genres"]["without"] == 2
    joined = read_catalog(settings(tmp_path), genres=GenreSettings(alias=alias, min_clips=4, min_artists=4))
    assert [clip.label for clip in joined.clips] == ["hip hop", "hip hop", "hip hop", "", "hip hop", "", ""]


def test_one_command_learns_a_library_and_its_config_can_be_edited(library: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "my", list[str]()
    started = start_library(str(library), out, QUICK, said.append)
    alias = tomllib.loads(started.config.read_text(encoding="utf-8"))["genres"]["alias"]
    assert alias == {"blues": "Blues", "classical": "Classical", "heavy metal": "Heavy Metal"}
    assert started.report.is_file()
    with (out / "splits.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["filename"] for row in rows} == {track.name for track in TRACKS if track.label}
    for split in ("fold1", "fold2"):  # no artist is torn
        assert len({(row["group"], row[split]) for row in rows}) == len({row["group"] for row in rows})
    config = started.experiment.config
    assert config is not None
    assert (config.audio.excerpts, config.audio.excerpt_seconds) == (1, 1.0)

    said.clear()
    start_library(str(library), out, QUICK, said.append)
    assert sum("is there already" in line for line in said) == 3  # two folds, and all
    assert started.config.read_text(encoding="utf-8").count("Blues") == 1
    edited = started.config.read_text(encoding="utf-8").replace('"Blues"', '"Twelve Bars"')
    started.config.write_text(edited, encoding="utf-8")
    changed = load_config(started.config, QUICK)
    assert read_catalog(changed.data, genres=changed.genres).classes == ("Classical", "Heavy Metal", "Twelve Bars")
    with pytest.raises(ConfigError, match=r"is about .*, not .*; choose another folder"):
        start_library(str(tmp_path), out, QUICK)
    [answer] = predict(out, [library / "no tags.mp3"]).rows
    assert not answer.error
    assert answer.label in alias.values()


def test_a_library_without_two_genres_is_told_what_to_set(library: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no genre has enough tracks .* set genres\.min_clips"):
        start_library(str(library), tmp_path / "my")  # with the defaults, ten tracks a genre
    proposed = load_config(tmp_path / "my" / LIBRARY_TOML)
    assert (proposed.data.folder, proposed.genres.min_clips) == (str(library), 10)
    assert set(proposed.genres.alias.values()) == {"Blues", "Classical", "Heavy Metal"}


def test_a_proposed_map_holds_what_is_sure_and_comments_what_may_be(tmp_path: Path) -> None:
    rows = [
        ("Drum & Bass", 9, 4),
        ("drum and bass", 6, 3),
        ("bass drum", 2, 2),
        ("Electronic", 8, 4),
        ("Electronica", 3, 2),
        ('A "q" \\', 1, 1),
    ]
    table = GenreTable(
        tuple(
            GenreRow(fold(name), tracks, artists, tracks if tracks > 4 else 0, {name: tracks})
            for name, tracks, artists in rows
        ),
        0,
        propose_aliases({fold(name): tracks for name, tracks, _ in rows}),
    )
    text = propose(str(tmp_path), table, FEW)
    assert tomllib.loads(text)["genres"]["alias"] == {
        "drum & bass": "Drum & Bass",
        "drum and bass": "Drum & Bass",
        "bass drum": "Drum & Bass",
        "electronic": "Electronic",
    }
    assert '\n# "electronica" = "Electronic"\n' in text


def test_tags_and_a_table_of_labels_are_not_mixed() -> None:
    with pytest.raises(ConfigError, match="two sources of labels"):
        parse_config({"data": {"folder": "x", "labels": "tags", "metadata": "m.csv"}})
    assert load_config(None, ["data.labels=tags"]).audio.excerpts == 1
    assert load_config(None, ["data.labels=tags", "audio.excerpts=3"]).audio.excerpts == 3
    assert load_config(None).audio.part.excerpts == 0
