"""How much sooner the 57 columns come than by librosa's functions called one by one, on the same samples.

    python benchmarks/features.py [FOLDER] [--clips 8] [--preset gtzan57]

FOLDER holds audio files; without it the built-in music is rendered (extra `demo`). One process, one
thread; both sides take turns on every clip, and the median of the ratios clip by clip is printed. What a
first call costs (imports, compiled kernels read from their cache) is measured apart. Essentia and openSMILE
stand beside it where they are installed; they compute other columns, so theirs is a time, not a ratio.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import importlib.util  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def seconds(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def built_in_music(clips: int) -> Path:
    from tonearm.jam import render_jam

    folder = Path(tempfile.mkdtemp(prefix="tonearm-benchmark-"))
    render_jam(folder, clips_per_genre=max(clips // 10, 1), seconds=30.0, clean=True)
    return folder


def find_clips(folder: Path, wanted: int) -> list[Path]:
    from tonearm.dsp.decoders import EXTENSIONS

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())
    return files[:: max(len(files) // wanted, 1)][:wanted]


def peers(samples: "np.ndarray[tuple[int], np.dtype[np.float32]]", sr: int) -> None:
    if importlib.util.find_spec("essentia"):
        import essentia.standard as essentia  # type: ignore[import-not-found]

        pool = essentia.LowLevelSpectralExtractor()
        print(f"Essentia LowLevelSpectralExtractor: {seconds(lambda: pool(samples)) * 1e3:8.0f} ms a clip")
    if importlib.util.find_spec("opensmile"):
        import opensmile  # type: ignore[import-not-found]

        smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
        taken = seconds(lambda: smile.process_signal(samples, sr))
        print(f"openSMILE eGeMAPS:                 {taken * 1e3:8.0f} ms a clip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--preset", choices=("gtzan57", "full"), default="gtzan57")
    arguments = parser.parse_args()

    from tonearm.dsp import sound
    from tonearm.settings import AudioSettings, FeatureSettings

    folder = arguments.folder or built_in_music(arguments.clips)
    clips = [sound.load(path, AudioSettings()) for path in find_clips(folder, arguments.clips)]
    sr = AudioSettings().sr
    settings = FeatureSettings(preset=arguments.preset)

    first_start = time.perf_counter()
    from tonearm.representations.features import compute_features

    compute_features(clips[0], sr, settings)
    ours_first = time.perf_counter() - first_start
    import oracle

    plain = oracle.gtzan57 if arguments.preset == "gtzan57" else oracle.describe
    plain_first = seconds(lambda: plain(clips[0], sr))

    ours, theirs = [], []
    for clip in clips:
        ours.append(seconds(lambda clip=clip: compute_features(clip, sr, settings)))  # type: ignore[misc]
        theirs.append(seconds(lambda clip=clip: plain(clip, sr)))  # type: ignore[misc]
    length = statistics.median(len(clip) / sr for clip in clips)
    print(f"preset {arguments.preset}, {len(clips)} clips of {length:.1f} s, one thread")
    print(f"librosa, function by function:     {statistics.median(theirs) * 1e3:8.1f} ms a clip (median)")
    print(f"tonearm:                           {statistics.median(ours) * 1e3:8.1f} ms a clip (median)")
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    spread = f"({min(ratios):.1f} to {max(ratios):.1f})"
    print(f"median ratio:                      {statistics.median(ratios):8.1f} x  {spread}")
    print(f"first call, start-up included:     {ours_first:8.1f} s tonearm, then {plain_first:.1f} s librosa")
    peers(clips[0], sr)


if __name__ == "__main__":
    main()
