"""Pictures a second of the engine against the plain PyTorch loop of the same network, in training and prediction.

    python benchmarks/training.py [--pictures 128] [--rounds 3] [--threads 1] [--clips FOLDER]

The plain loop has the pixels of its pictures in memory as bytes, as many pictures must be kept, and standardises
each batch; the engine also keeps a history and can be stopped and continued. Both take turns in one process. With
--clips, a folder of music, ResNet50 is also timed from files to labels on 100 of its clips (or as many as there are).
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tonearm.data.pictures import LUMINANCE
from tonearm.models import MODELS
from tonearm.settings import TrainSettings
from transfer import random_pictures

CASES: dict[str, dict[str, Any]] = {
    "cnn": {"patience": 0, "schedule": "none", "restore_best": False},
    "cnn-mel": {},
    "resnet": {"weights": "none", "unfreeze": 1, "cache": "none"},
}


def standardise(pixels: torch.Tensor, inputs: Any) -> torch.Tensor:
    """Bytes (rows, height, width, 3) to what the network learned from, as torchvision's transforms do it."""
    values = pixels.permute(0, 3, 1, 2).float() / 255.0
    if inputs.grey:
        values = (values * torch.tensor(LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True)
    mean, spread = (torch.tensor(part, dtype=torch.float32)[:, None, None] for part in (inputs.mean, inputs.spread))
    return (values - mean) / spread


def plain_loop(X: torch.Tensor, truth: torch.Tensor, classifier: Any, epochs: int) -> tuple[float, float]:
    """Seconds of an epoch (the last) and of a prediction of all pictures, as PyTorch's tutorial writes them."""
    settings = classifier.settings
    frozen = getattr(classifier.inputs_, "frozen", torch.nn.Identity())
    module = classifier.module_.train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    for _ in range(epochs):
        start = time.perf_counter()
        for rows in torch.split(torch.randperm(len(X)), settings.batch_size):
            with torch.no_grad():
                inputs = frozen(standardise(X[rows], classifier.inputs_))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(inputs), truth[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        training = time.perf_counter() - start
    module.eval()
    start = time.perf_counter()
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(X)), settings.batch_size):
            module(frozen(standardise(X[rows], classifier.inputs_)))
    return training, time.perf_counter() - start


def measure(name: str, count: int, threads: int) -> tuple[float, float]:
    """Speed of the engine as a share of the plain loop's, in training and in prediction."""
    model = MODELS[name]
    X, y = random_pictures(count)
    settings = model.settings.model_validate({**CASES[name], "epochs": 2})
    classifier = model.build(settings, TrainSettings(threads=threads)).fit(X, y)
    training = classifier.history_[-1]["seconds"]
    start = time.perf_counter()
    classifier.predict_proba(X)
    prediction = time.perf_counter() - start
    truth = torch.from_numpy(np.searchsorted(classifier.classes_, y))
    plain_training, plain_prediction = plain_loop(torch.from_numpy(np.stack(list(X))), truth, classifier, 2)
    print(
        f"{name}: training {count / training:6.1f} pictures/s, plain loop {count / plain_training:6.1f}; "
        f"prediction {count / prediction:6.1f}, plain loop {count / plain_prediction:6.1f}"
    )
    return plain_training / training, plain_prediction / prediction


def files_to_labels(folder: Path, threads: int) -> None:
    """Time ResNet50 on clips of a folder, from audio files to labels."""
    from tonearm.config import parse_config
    from tonearm.experiment.experiment import run_experiment
    from tonearm.prediction import predict

    values = {
        "data": {"folder": str(folder)},
        "train": {"threads": threads},
        "models": {"resnet": {"weights": "none", "unfreeze": 0, "epochs": 1}},
    }
    with tempfile.TemporaryDirectory() as out:
        done = run_experiment(parse_config(values), Path(out), workers=threads)
        files = sorted(path for path in folder.rglob("*.*") if path.suffix in (".wav", ".flac", ".au"))[:100]
        start = time.perf_counter()
        found = predict(done.folder_of(done.rows[0]), files)
        seconds = time.perf_counter() - start
    print(f"resnet: {len(found.rows)} audio files to labels in {seconds:.1f} s with {threads} threads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clips", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in CASES:
        ratios = [measure(name, arguments.pictures, arguments.threads) for _ in range(arguments.rounds)]
        training, prediction = (statistics.median(values) for values in zip(*ratios, strict=True))
        print(f"{name}: median of the engine's share, training {training:.2f}, prediction {prediction:.2f}")
    if arguments.clips:
        files_to_labels(arguments.clips, arguments.threads)


if __name__ == "__main__":
    main()
