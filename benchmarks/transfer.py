"""How much sooner an epoch of transfer learning ends when the frozen part is computed once, on the same pictures.

    python benchmarks/transfer.py [--backbone resnet50] [--pictures 64] [--rounds 3] [--threads 1]

The weights are random: what an epoch costs does not depend on them. Training with the cache and without it take
turns in one process; the first epoch of each is not counted, since it warms up. What the cache costs once, and
how long all of a training with nothing unfrozen takes, is printed too.
"""

import argparse
import statistics
import time

import numpy as np

from tonearm.models.resnet import ResNetSettings, build
from tonearm.settings import TrainSettings


def random_pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of the usual size, and labels of ten classes."""
    generator = np.random.default_rng(0)
    X = np.empty(count, dtype=object)
    X[:] = [generator.integers(0, 256, (172, 173, 3), dtype=np.uint8) for _ in range(count)]
    return X, np.array([str(number % 10) for number in range(count)], dtype=object)


def train(count: int, threads: int, **settings: object) -> tuple[float, float]:
    """Seconds of an epoch (median without the first), and of everything else."""
    X, y = random_pictures(count)
    chosen = ResNetSettings.model_validate({"weights": "none", **settings})
    classifier = build(chosen, TrainSettings(threads=threads))
    start = time.perf_counter()
    classifier.fit(X, y)
    whole = time.perf_counter() - start
    epochs = [row["seconds"] for row in classifier.history_]
    return statistics.median(epochs[1:]), whole - sum(epochs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    for unfreeze in (1, 2):
        ratios = []
        for _ in range(arguments.rounds):
            common = {"backbone": arguments.backbone, "unfreeze": unfreeze}
            with_cache, once = train(arguments.pictures, arguments.threads, epochs=4, **common)
            without, _ = train(arguments.pictures, arguments.threads, epochs=2, cache="none", **common)
            ratios.append(without / with_cache)
            print(
                f"unfreeze = {unfreeze}: {without:.2f} s an epoch of {arguments.pictures} pictures without the cache, "
                f"{with_cache:.2f} s with it (made once in {once:.1f} s): {ratios[-1]:.1f} times"
            )
        print(f"unfreeze = {unfreeze}: median ratio {statistics.median(ratios):.1f}")
    epoch, once = train(arguments.pictures, arguments.threads, epochs=30, unfreeze=0, backbone=arguments.backbone)
    print(f"unfreeze = 0: {once:.1f} s once, then 30 epochs in {30 * epoch:.2f} s")


if __name__ == "__main__":
    main()
