"""How much sooner three pictures of a clip come than by librosa.display.specshow and savefig, one thread.

    python benchmarks/spectrograms.py [FOLDER] [--clips 6] [--memory 10000]

FOLDER holds audio files; without it the built-in music is rendered (extra `demo`). Both sides start from
the samples and end with the bytes of three PNG files (linear, log, layl); they take turns on every clip and
the median of the ratios is printed. Then `--memory` pictures are drawn and the growth of the resident set is
printed, measured after the first hundred.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import io  # noqa: E402
import statistics  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from features import built_in_music, find_clips, seconds  # noqa: E402
from tonearm.dsp import sound  # noqa: E402
from tonearm.representations.spectrogram import draw_pictures, encode_png  # noqa: E402
from tonearm.settings import AudioSettings, SpectrogramSettings  # noqa: E402


def specshow_pictures(y: NDArray[np.float32], sr: int) -> list[bytes]:
    """The three pictures as a notebook makes them, the spectrogram shared."""
    import librosa
    import librosa.display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    S = np.abs(librosa.stft(y))
    level = librosa.amplitude_to_db(S, ref=np.max)
    pictures = []
    views: list[tuple[NDArray[Any], str]] = [(S, "linear"), (level, "linear"), (level, "log")]
    for data, axis in views:
        figure = Figure(figsize=(1.73, 1.72), dpi=100)
        FigureCanvasAgg(figure)
        area = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        librosa.display.specshow(data, sr=sr, hop_length=512, x_axis="time", y_axis=axis, ax=area)
        area.set_axis_off()
        target = io.BytesIO()
        figure.savefig(target, dpi=100, format="png")
        pictures.append(target.getvalue())
    return pictures


def our_pictures(y: NDArray[np.float32], sr: int) -> list[bytes]:
    return [encode_png(picture) for picture in draw_pictures(y, sr, SpectrogramSettings()).values()]


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--memory", type=int, default=10_000)
    arguments = parser.parse_args()
    sr = AudioSettings().sr
    folder = arguments.folder or built_in_music(arguments.clips)
    clips = [sound.load(path, AudioSettings()) for path in find_clips(folder, arguments.clips)]
    our_pictures(clips[0], sr)
    specshow_pictures(clips[0], sr)

    ours, theirs = [], []
    for clip in clips:
        ours.append(seconds(lambda clip=clip: our_pictures(clip, sr)))  # type: ignore[misc]
        theirs.append(seconds(lambda clip=clip: specshow_pictures(clip, sr)))  # type: ignore[misc]
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    length = statistics.median(len(clip) / sr for clip in clips)
    print(f"{len(clips)} clips of {length:.1f} s, 3 pictures each, one thread")
    print(f"specshow and savefig: {statistics.median(theirs) * 1e3:8.1f} ms a clip (median)")
    print(f"tonearm:              {statistics.median(ours) * 1e3:8.1f} ms a clip (median)")
    print(f"median ratio:         {statistics.median(ratios):8.1f} x  ({min(ratios):.1f} to {max(ratios):.1f})")

    for drawn in range(0, arguments.memory, 3):
        our_pictures(clips[drawn % len(clips)][: 5 * sr], sr)
        if drawn == 99:
            settled = resident_megabytes()
    if arguments.memory > 100:
        print(f"resident memory after {arguments.memory} pictures: {resident_megabytes() - settled:+.1f} MB")


if __name__ == "__main__":
    main()
