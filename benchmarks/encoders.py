"""How much sooner an encoder's row of a clip comes than the plain way, front end and network, on the same samples.

    tonearm encoders get mn04_as --from FILE
    python benchmarks/encoders.py [FOLDER] --weights FILE [--encoder mn04_as] [--clips 8] [--processes 2]
        [--memory 1000]

FOLDER holds audio files; without it the built-in music is rendered (extra `demo`). The plain way is librosa's or
torch's STFT and the makers' network in torch with the same weights, read once from FILE (the makers' own, or the wheel
of musicnn), without gradients. One thread; both sides start from the samples and take turns on every clip, the least
time of five counts, and the median of the ratios is printed. Then clips a second with `--processes`, decoding and
writing included, and the growth of the resident set over `--memory` clips.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from features import built_in_music, find_clips, seconds  # noqa: E402
from spectrograms import resident_megabytes  # noqa: E402
from tonearm.data.catalog import read_catalog  # noqa: E402
from tonearm.dsp import sound  # noqa: E402
from tonearm.representations.encoders.card import Tensors  # noqa: E402
from tonearm.representations.encoders.front_ends import clip_windows  # noqa: E402
from tonearm.representations.encoders.registry import ALIASES, ENCODERS  # noqa: E402
from tonearm.representations.encoders.representation import EmbeddingReader, Embeddings  # noqa: E402
from tonearm.representations.extract import extract_rows  # noqa: E402
from tonearm.runtime.memory import keep_freed_memory  # noqa: E402
from tonearm.settings import AudioSettings, DataSettings, EncoderSettings  # noqa: E402

Row = Callable[[NDArray[np.float32]], Any]
REPEATS = 5  # each clip's time is the least of so many, since other work on the machine only adds


def plain_way(name: str, tensors: Tensors) -> Row:
    """The row of a clip's whole windows by torch."""
    import torch

    import encoder_oracle as oracle

    torch.set_num_threads(1)
    weights = {name: torch.tensor(value) for name, value in tensors.items()}
    if "musicnn" in name:

        def musicnn(samples: NDArray[np.float32]) -> Any:
            bands = oracle.musicnn_bands(samples)
            whole = len(bands) // 187
            return oracle.musicnn(weights, bands[: whole * 187].reshape(whole, 187, 96))["penultimate"].mean(0)

        return musicnn

    def efficientat(samples: NDArray[np.float32]) -> Any:
        bands = oracle.efficientat_bands(samples)
        windows = [bands[:, start : start + 1000] for start in range(0, bands.shape[1] - 999, 1000)]
        return oracle.mobilenet(weights, np.stack(windows))["map_mean"].mean(0)

    return efficientat


def least(row: Row, clip: NDArray[np.float32]) -> float:
    return min(seconds(lambda: row(clip)) for _ in range(REPEATS))


def compare(reader: EmbeddingReader, plain: Row, clips: list[NDArray[np.float32]]) -> None:
    encoder, ours, theirs, fronts, errors = reader.encoder, [], [], [], []

    def front(samples: NDArray[np.float32]) -> Any:
        return clip_windows(samples, encoder.sr, encoder.window, encoder.hop, encoder.front)

    for clip in clips:
        expected = plain(clip)
        errors.append(float(np.linalg.norm(reader.row(clip) - expected) / np.linalg.norm(expected)))
        ours.append(least(reader.row, clip))
        theirs.append(least(plain, clip))
        fronts.append(least(front, clip))
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    length = statistics.median(len(clip) / encoder.sr for clip in clips)
    print(f"{len(clips)} clips of {length:.1f} s, {encoder.name}, one thread, from samples at {encoder.sr} Hz")
    print(f"librosa or torch STFT, torch network: {statistics.median(theirs) * 1e3:8.1f} ms a clip (median)")
    print(f"tonearm:                              {statistics.median(ours) * 1e3:8.1f} ms a clip (median)")
    print(f"  of these the front end:             {statistics.median(fronts) * 1e3:8.1f} ms")
    spread = f"({min(ratios):.1f} to {max(ratios):.1f})"
    print(f"median ratio:                         {statistics.median(ratios):8.1f} x  {spread}")
    print(f"largest relative difference of a row: {max(errors):.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--encoder", default="mn04_as")
    parser.add_argument(
        "--weights", type=Path, required=True, help="the makers' file, as for tonearm encoders get --from"
    )
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--memory", type=int, default=1_000)
    arguments = parser.parse_args()
    built_in = ENCODERS[ALIASES.get(arguments.encoder, arguments.encoder)]
    folder = arguments.folder or built_in_music(arguments.clips)
    representation = Embeddings.of(built_in.encoder.name, AudioSettings(), EncoderSettings())
    keep_freed_memory()  # as the processes of an extraction do
    reader = representation.open()
    clips = [sound.load(path, representation.audio) for path in find_clips(folder, arguments.clips)]
    compare(reader, plain_way(built_in.encoder.name, built_in.read(arguments.weights)), clips)

    with tempfile.TemporaryDirectory() as out:
        catalog = read_catalog(DataSettings(folder=str(folder)))
        extract_rows(catalog, representation, Path(out) / "warm", arguments.processes)
        start = time.perf_counter()
        done = extract_rows(catalog, representation, Path(out) / "measured", arguments.processes)
        rate = done.usable / (time.perf_counter() - start)
    print(f"{arguments.processes} processes, from files to a table: {rate:.1f} clips a second ({done.usable} clips)")

    settled = 0.0
    for number in range(arguments.memory):
        reader.row(clips[number % len(clips)])
        if number == 99:
            settled = resident_megabytes()
    if arguments.memory > 100:
        print(
            f"resident memory over {arguments.memory} clips: {resident_megabytes() - settled:+.1f} MB after the 100th"
        )


if __name__ == "__main__":
    main()
