"""Whether what `tonearm freeze` prints is enough: in an environment with nothing else, the run gives the same answers.

    python benchmarks/frozen.py RUN FILE_OR_FOLDER... [--wheels FOLDER]

Makes an environment, installs the printed packages and this checkout into it, each without what it asks for, and
predicts the files there and here. Prints the number of packages, what the environment takes on the disk without pip,
and whether the answers are the same to the last bit; ends with 1 if they are not. Packages come from pip's index, or
from a folder of wheels.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tonearm.freezing import freeze, write_frozen
from tonearm.wording import size

ROOT = Path(__file__).resolve().parents[1]


def answers(python: Path | str, run: Path, files: list[Path], **variables: str) -> list[object]:
    command = [str(python), "-m", "tonearm", "predict", str(run), *map(str, files), "--json", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return list(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--wheels", type=Path)
    given = parser.parse_args()
    frozen = freeze(given.run)
    with tempfile.TemporaryDirectory(prefix="tonearm-frozen-") as temporary:
        folder = Path(temporary)
        write_frozen(frozen, folder / "requirements.txt")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        source = ["--no-index", "--find-links", str(given.wheels)] if given.wheels else []
        for what in (["-r", str(folder / "requirements.txt")], [str(ROOT)]):
            install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", *what]
            subprocess.run([*install, *(source if what[0] == "-r" else [])], check=True)
        there = answers(python, given.run, given.files)
        here = answers(sys.executable, given.run, given.files, PYTHONPATH=str(ROOT / "src"))
        packages = (
            folder / "venv" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        )
        pip = sum(file.stat().st_size for file in (packages / "pip").rglob("*") if file.is_file())
        whole = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) - pip
    print(f"{len(frozen.requirements)} packages and tonearm: {size(whole)}; {len(there)} files")
    print("the same answers to the last bit" if there == here else "OTHER ANSWERS")
    sys.exit(there != here)


if __name__ == "__main__":
    main()
