"""The whole product on music that it renders itself: what a newcomer sees first.

Conventions
-----------
Nothing is downloaded but the weights of one pretrained network, 29 MB, once; without network, or where TONEARM_OFFLINE
is set, a line says that it is left out. Each step says what it does, why, and where its result lies; the last one says
what to type for one's own music. Everything can be thrown away and made again: the same seed gives the same numbers.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tonearm.config import Config, parse_config
from tonearm.errors import TonearmError
from tonearm.experiment.experiment import Experiment, run_experiment
from tonearm.experiment.folder import ExperimentFolder
from tonearm.experiment.inputs import read_inputs
from tonearm.experiment.leaderboard import Row
from tonearm.experiment.part_scores import HEAD
from tonearm.report import write_report
from tonearm.runtime.locks import hold
from tonearm.runtime.machine import available_cores
from tonearm.runtime.progress import Counting

MODELS: dict[str, dict[str, Any]] = {
    "logistic": {},
    "mlp": {},
    "svm": {},
    "trees": {},
    "cnn": {"picture": "mel", "epochs": 30, "patience": 0, "schedule": "cosine", "restore_best": False},
    "transfer": {"type": "resnet", "backbone": "efficientnet_lite0", "unfreeze": 0},
}
ENCODER = "musicnn"  # its wheel comes from where pip gets everything else
FOLDS = 5  # every clip is tested once, so that the two splits are compared on the same clips
SHOWN_FILES = 4


def run_demo(
    out: Path, say: Callable[[str], None], counting: Counting, clips_per_genre: int = 30, seconds: float = 10.0
) -> tuple[Experiment, Experiment]:
    """Render music, scan it, train on it by artist and by chance, compare the two, and predict some files.

    say: called with what a person should read, a paragraph at a time. counting: opens a progress display.
    Returns the honest and the optimistic experiment. Raises TonearmError where an extra is missing, or another
    command works in `out`.
    """
    with hold(out):
        return _show_all(out, say, counting, clips_per_genre, seconds)


def _show_all(
    out: Path, say: Callable[[str], None], counting: Counting, clips_per_genre: int, seconds: float
) -> tuple[Experiment, Experiment]:
    workers = available_cores()
    music = out / "music"
    _render(music, say, counting, clips_per_genre, seconds, workers)
    _scan(music, say, counting, workers)
    models = MODELS | encoder_models(say)
    say(
        f"3. Train: {', '.join(models)} on features, on spectrogram pictures or on the rows of a pretrained network, "
        "first with a split by artist: no band is heard both in training and in the test, as it will be with your next "
        "album."
    )
    config = _config(music, "auto", models)
    data = read_inputs(config, out / "representations", counting, workers)
    honest = run_experiment(config, out / "by-artist", _quiet, data=data)
    say(_read(honest))
    say(
        "4. The same clips and models with a random split, as most notebooks make it: the bands of the test were "
        "heard in training, and their sound gives them away."
    )
    optimistic = run_experiment(_config(music, "stratified", models), out / "by-chance", _quiet, data=data)
    say(_read(optimistic))
    say(side_by_side(honest.rows, optimistic.rows))
    _predict(honest, music, say)
    say(
        "6. Report: everything on one page, where you can listen to the clips that the best model got wrong: "
        f"{write_report(honest.out, out / 'report', optimistic.out)}"
    )
    say(_farewell(out, honest))
    return honest, optimistic


def _render(
    music: Path, say: Callable[[str], None], counting: Counting, clips: int, seconds: float, workers: int
) -> None:
    from tonearm.jam import render_jam

    say(f"1. Music: {clips} clips of each of ten genres are composed and rendered to {music}.")
    with counting("music", "clips") as progress:
        summary = render_jam(music, clips_per_genre=clips, seconds=seconds, workers=workers, progress=progress)
    say(summary.text())


def _scan(music: Path, say: Callable[[str], None], counting: Counting, workers: int) -> None:
    from tonearm.data.catalog import read_catalog
    from tonearm.scan.scan import scan_catalog
    from tonearm.settings import DataSettings

    say("2. Scan: look before you learn. Some faults were planted, as real collections have them.")
    with counting("scan", "clips") as progress:
        say(scan_catalog(read_catalog(DataSettings(folder=str(music))), workers, progress).text())


def encoder_models(say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """A model on a pretrained network whose weights are here or can be fetched; else {}, and why is said."""
    from tonearm.representations.encoders.session import check_provider
    from tonearm.representations.encoders.weights import encoders_folder, get_weights

    try:
        check_provider("cpu")
        if get_weights(ENCODER):
            say(f"{ENCODER}, a pretrained network, was fetched; its weights stay in {encoders_folder()}.")
    except (TonearmError, OSError) as error:
        say(f"{ENCODER}, a pretrained network, is left out: {error}")
        return {}
    return {ENCODER: {"type": "logistic", "reads": ENCODER}}


def _config(data: Path, method: str, models: dict[str, dict[str, Any]]) -> Config:
    """The stratified split is there to be seen through: its leaks are allowed, and no model of it is kept for use."""
    seen_through = {"leaks": "allow", "keep": "folds"} if method == "stratified" else {}
    return parse_config(
        {
            "data": {"folder": str(data)},
            "split": {"method": method, "folds": FOLDS, **seen_through},
            "train": {"workers": available_cores()},
            "models": models,
        }
    )


def _quiet(line: str) -> None:
    """The demo says the leaderboard, not each step to it."""


def _read(experiment: Experiment) -> str:
    """The leaderboard without the long table of every part's scores."""
    text = ExperimentFolder(experiment.out).leaderboard_md.read_text(encoding="utf-8")
    return text.partition(HEAD)[0].rstrip("\n")


def side_by_side(honest: Iterable[Row], optimistic: Iterable[Row]) -> str:
    """The test accuracies of both splits side by side, in the honest order."""
    other = {row.model: row for row in optimistic}
    pairs = [(row, other[row.model]) for row in honest if not row.error and not other[row.model].error]
    width = max(len(row.model) for row, _ in pairs)
    lines = [f"{'':<{width}}  new artists  known artists  what the random split adds"]
    for row, easy in sorted(pairs, key=lambda pair: -pair[0].score("test")):
        gap = easy.score("test") - row.score("test")
        lines.append(
            f"{row.model:<{width}}  {row.score('test'):11.3f}  {easy.score('test'):13.3f}  {100 * gap:+.0f} points"
        )
    return "\n".join(lines)


def _predict(experiment: Experiment, music: Path, say: Callable[[str], None]) -> None:
    from tonearm.prediction import predict

    best = experiment.rows[0]
    run = experiment.folder_of(best)
    files = sorted(music.glob("*/*.00001.wav"))[:: max(1, 10 // SHOWN_FILES)][:SHOWN_FILES]
    say(
        f"5. Predict: {best.model}, the best on the validation clips, listens to {len(files)} files. It was trained on "
        "all clips, these included, so it is more confident than it will be about new ones."
    )
    found = predict(run, files)
    say("\n".join([found.text(), *found.notes]))


def _farewell(out: Path, experiment: Experiment) -> str:
    run = (out / experiment.out.name / experiment.runs[experiment.rows[0].model].predict).parent
    return f"""Everything lies in {out}: music, features (CSV and Parquet), one run folder a model, leaderboards,
learning curves and confusion matrices. For your own music, in one folder a genre:

  tonearm scan MUSIC                     classes, broken files, duplicates
  tonearm run MUSIC --out results        train, evaluate, compare
  tonearm report results                 the same as one page to read
  tonearm predict {run} FILE ...         classify files with the model of this demo"""
