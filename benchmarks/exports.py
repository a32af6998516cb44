"""Every model of experiments as ONNX: size, difference and speed, and whether it answers without tonearm.

    python -m venv FRESH && FRESH/bin/pip install onnxruntime numpy soundfile
    python benchmarks/exports.py RESULTS... [--python FRESH/bin/python] [--check FOLDER] [--clips 5]
        [--trust FILE_OR_MODULE] [--out exports.md]

RESULTS are folders of `tonearm run` whose music, or features, are still there. Each model is exported and compared
with its run on one thread (`tonearm export`; --check names other files). Then --python, which must have no tonearm,
runs the example.py of each export in a process of its own, for some clips of the run, or for their rows as a table: its
first answer must have the run's label, and its probability to the digits that are printed. Clips are resampled for it
where the export takes another rate. The table is printed as Markdown, and written with --out.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import csv  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import soundfile  # noqa: E402

from tonearm.dsp.sound import load  # noqa: E402
from tonearm.errors import ExportError  # noqa: E402
from tonearm.experiment.lookup import run_to_load  # noqa: E402
from tonearm.experiment.runs import Run, load_run, probabilities  # noqa: E402
from tonearm.export.build import Built, build  # noqa: E402
from tonearm.export.card import export_card  # noqa: E402
from tonearm.export.check import Checked, check  # noqa: E402
from tonearm.export.clips import files_to_check, rows_to_check  # noqa: E402
from tonearm.export.examples import example  # noqa: E402
from tonearm.prediction import predict, representation_of  # noqa: E402
from tonearm.runtime.files import write_json, write_text  # noqa: E402
from tonearm.settings import AudioSettings  # noqa: E402
from tonearm.wording import milliseconds, size  # noqa: E402

HEADER = (
    "| model | takes | file | greatest difference | with other steps | tonearm | file | without tonearm |",
    "|---|---|---|---|---|---|---|---|",
)
LAST_DIGIT = 2e-4  # of the printed probability, and of a pixel that got another step


def main() -> None:
    options = arguments()
    if options.python:
        alone = subprocess.run([options.python, "-I", "-c", "import tonearm"], capture_output=True, check=False)
        if not alone.returncode:
            raise SystemExit(f"{options.python} has tonearm: make a new environment")
    lines = list(HEADER)
    for results in options.results:
        for folder in sorted((results / "runs").iterdir()):
            started = time.monotonic()
            lines.append(line(folder, options))
            print(f"{lines[-1]}  ({time.monotonic() - started:.0f} s)", file=sys.stderr)
    print("\n".join(lines))
    if options.out:
        write_text(options.out, "\n".join(lines) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--python")
    parser.add_argument("--check", type=Path, action="append", default=[])
    parser.add_argument("--trust", action="append", default=[])
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def line(folder: Path, options: argparse.Namespace) -> str:
    """A model's row of the table."""
    try:
        run = load_run(run_to_load(folder), options.trust)
        representation = representation_of(run)
        built = build(run, representation)
        found = check(run, representation, built, options.check)
    except ExportError as error:
        return f"| {folder.name} | refused: {error} |"
    answers = without_tonearm(run, built, found, options) if options.python else "–"
    with_steps = f"{found.whole:.0e} ({found.other} of {found.numbers:,})" if found.other else "–"
    times = [milliseconds(1000 * seconds) for seconds in (found.tonearm, found.onnx)]
    cells = [folder.name, built.takes, size(len(built.model)), f"{found.difference:.0e}", with_steps, *times, answers]
    return f"| {' | '.join(cells)} |"


def without_tonearm(run: Run, built: Built, found: Checked, options: argparse.Namespace) -> str:
    """How many answers of example.py are those of the run, of so many."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "model.onnx").write_bytes(built.model)
        write_json(folder / "card.json", export_card(run, built, found))
        write_text(folder / "example.py", example(built.takes))
        if built.takes == "columns":
            return of_rows(run, built, folder, options)
        files = files_to_check(run, options.check)[: options.clips]
        right = 0
        for file, answer in zip(files, predict(run, files).rows, strict=True):
            label, probability = asked(options.python, folder, at_its_rate(file, built, folder))[0].split()
            right += label == answer.label and abs(float(probability) - answer.probability) < LAST_DIGIT
        return f"{right} of {len(files)}"


def at_its_rate(file: Path, built: Built, folder: Path) -> Path:
    """A picture as it is, and sound at the rate that the export takes."""
    if built.takes != "samples":
        return file
    samples = load(file, AudioSettings(sr=built.rate, longest=86_400.0))
    soundfile.write(folder / "clip.wav", samples, built.rate, subtype="FLOAT")
    return folder / "clip.wav"


def of_rows(run: Run, built: Built, folder: Path, options: argparse.Namespace) -> str:
    rows = rows_to_check(run, built.columns, options.check)
    assert rows is not None, "rows are compared inside their experiment"
    names, X = rows
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *built.columns])
        writer.writerows([name, *map(repr, row.tolist())] for name, row in zip(names, X, strict=True))
    expected = probabilities(run.classifier, X, run.labels, run.temperature)
    right = 0
    for said, row in zip(asked(options.python, folder, folder / "rows.csv"), expected, strict=True):
        label, probability = said.removesuffix(" unsure").split()[-2:]
        right += label == run.labels[row.argmax()] and abs(float(probability) - row.max()) < LAST_DIGIT
    return f"{right} of {len(names)}"


def asked(python: str, folder: Path, given: Path) -> list[str]:
    """The lines that example.py prints."""
    command = [python, "-I", str(folder / "example.py"), str(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()


if __name__ == "__main__":
    main()
