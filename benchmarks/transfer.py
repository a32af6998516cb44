"""How much sooner an epoch of transfer learning ends when the frozen part is computed once, on the same pictures.

    python benchmarks/transfer.py [--backbones efficientnet_lite0 resnet50] [--pictures 64] [--rounds 3] [--threads 1]

The weights are random: what an epoch costs does not depend on them. Training with the cache and without it take
turns in one process; the first epoch of each is not counted, since it warms up. Beside each ratio stands the largest
that a cache can reach: against an epoch of the unfrozen blocks alone, forward, backward and step in plain PyTorch, on
maps that cost nothing. What the cache costs once, and how long all of a training with nothing unfrozen takes, is
printed too.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np
import torch

from tonearm.models.resnet import ResNetSettings, build
from tonearm.settings import TrainSettings
from tonearm.training.devices import threads


def random_pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of the usual size, and labels of ten classes."""
    generator = np.random.default_rng(0)
    X = np.empty(count, dtype=object)
    X[:] = [generator.integers(0, 256, (172, 173, 3), dtype=np.uint8) for _ in range(count)]
    return X, np.array([str(number % 10) for number in range(count)], dtype=object)


def train(count: int, cores: int, **settings: object) -> tuple[float, float, Any]:
    """Seconds of an epoch (median without the first) and of everything else, and the trained classifier."""
    X, y = random_pictures(count)
    chosen = ResNetSettings.model_validate({"weights": "none", **settings})
    classifier = build(chosen, TrainSettings(threads=cores))
    start = time.perf_counter()
    classifier.fit(X, y)
    whole = time.perf_counter() - start
    epochs = [row["seconds"] for row in classifier.history_]
    return statistics.median(epochs[1:]), whole - sum(epochs), classifier


def bare_epoch(classifier: Any, count: int) -> float:
    """Seconds that the part that learns needs for `count` inputs: the second of two passes of a plain loop."""
    module = classifier.module_.train()
    optimizer = torch.optim.AdamW(module.parameters())
    shape = classifier.inputs_.shape
    layout = torch.channels_last if len(shape) == 3 else torch.contiguous_format
    maps = torch.rand(count, *shape).contiguous(memory_format=layout)
    truth = torch.arange(count) % 10
    with threads(classifier.train.threads):  # as many as the trainings that it stands beside
        for _ in range(2):
            start = time.perf_counter()
            for rows in torch.split(torch.randperm(count), classifier.settings.batch_size):
                optimizer.zero_grad()
                torch.autograd.backward(torch.nn.functional.cross_entropy(module(maps[rows]), truth[rows]))
                optimizer.step()
            seconds = time.perf_counter() - start
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=["efficientnet_lite0", "resnet50"])
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    for backbone in arguments.backbones:
        print(backbone)
        compare(backbone, arguments.pictures, arguments.rounds, arguments.threads)


def compare(backbone: str, count: int, rounds: int, cores: int) -> None:
    """Print what the cache saves with one and two blocks unfrozen, and what a training of none costs."""
    for unfreeze in (1, 2):
        ratios, largest = [], []
        for _ in range(rounds):
            common = {"backbone": backbone, "unfreeze": unfreeze}
            with_cache, once, classifier = train(count, cores, epochs=4, **common)
            without, _, _ = train(count, cores, epochs=2, cache="none", **common)
            ratios.append(without / with_cache)
            largest.append(without / bare_epoch(classifier, count))
            print(
                f"unfreeze = {unfreeze}: {without:.2f} s an epoch of {count} pictures without the cache, "
                f"{with_cache:.2f} s with it (made once in {once:.1f} s): {ratios[-1]:.1f} times"
            )
        print(
            f"unfreeze = {unfreeze}: median ratio {statistics.median(ratios):.1f}, "
            f"and {statistics.median(largest):.1f} if the maps cost nothing"
        )
    epoch, once, _ = train(count, cores, epochs=30, unfreeze=0, backbone=backbone)
    print(f"unfreeze = 0: {once:.1f} s once, then 30 epochs in {30 * epoch:.2f} s")


if __name__ == "__main__":
    main()
