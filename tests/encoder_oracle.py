"""The plain way to the outputs of the built-in encoders: torch, in the makers' own layout, layer by layer."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from numpy.typing import NDArray

from tonearm.representations.encoders.efficientat import channels

Tensors = dict[str, NDArray[Any]]
ReadyTensors = Mapping[str, NDArray[Any] | torch.Tensor]  # the second are not converted again
# MobileNetV3-Large, Howard et al. 2019, table 1: kernel, expanded, out, squeeze-and-excitation, activation, stride
TABLE = (
    (3, 16, 16, False, F.relu, 1),
    (3, 64, 24, False, F.relu, 2),
    (3, 72, 24, False, F.relu, 1),
    (5, 72, 40, True, F.relu, 2),
    (5, 120, 40, True, F.relu, 1),
    (5, 120, 40, True, F.relu, 1),
    (3, 240, 80, False, F.hardswish, 2),
    (3, 200, 80, False, F.hardswish, 1),
    (3, 184, 80, False, F.hardswish, 1),
    (3, 184, 80, False, F.hardswish, 1),
    (3, 480, 112, True, F.hardswish, 1),
    (3, 672, 112, True, F.hardswish, 1),
    (5, 672, 160, True, F.hardswish, 2),
    (5, 960, 160, True, F.hardswish, 1),
    (5, 960, 160, True, F.hardswish, 1),
)


def random_mobilenet(width: float, seed: int = 0) -> Tensors:
    """Random weights of a MobileNetV3 of EfficientAT, by the names of its release."""
    random = np.random.default_rng(seed)
    tensors: Tensors = {}

    def conv(name: str, out: int, into: int, kernel: int) -> None:
        shape = (out, into, kernel, kernel)
        tensors[f"{name}.0.weight"] = random.normal(0, 1 / np.sqrt(into * kernel * kernel), shape).astype(np.float32)
        tensors[f"{name}.1.weight"] = random.uniform(0.5, 1.5, out).astype(np.float32)
        tensors[f"{name}.1.bias"] = random.normal(0, 0.3, out).astype(np.float32)
        tensors[f"{name}.1.running_mean"] = random.normal(0, 0.3, out).astype(np.float32)
        tensors[f"{name}.1.running_var"] = random.uniform(0.5, 1.5, out).astype(np.float32)
        tensors[f"{name}.1.num_batches_tracked"] = np.array(7, dtype=np.int64)

    def dense(name: str, out: int, into: int) -> None:
        tensors[f"{name}.weight"] = random.normal(0, 1 / np.sqrt(into), (out, into)).astype(np.float32)
        tensors[f"{name}.bias"] = random.normal(0, 0.3, out).astype(np.float32)

    into = channels(16 * width)
    conv("features.0", into, 1, 3)
    for number, (kernel, expanded, out, excited, _, _) in enumerate(TABLE, start=1):
        wide, out, name, part = channels(expanded * width), channels(out * width), f"features.{number}.block", 0
        if wide != into:
            conv(f"{name}.0", wide, into, 1)
            part = 1
        conv(f"{name}.{part}", wide, 1, kernel)
        if excited:
            part += 1
            dense(f"{name}.{part}.conc_se_layers.0.fc1", channels(wide // 4), wide)
            dense(f"{name}.{part}.conc_se_layers.0.fc2", wide, channels(wide // 4))
        conv(f"{name}.{part + 1}", out, wide, 1)
        into = out
    conv("features.16", 6 * into, into, 1)
    dense("classifier.2", channels(1280 * width), 6 * into)
    dense("classifier.5", 527, channels(1280 * width))
    return tensors


def mobilenet(weights: ReadyTensors, windows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The layers of log-mel bands, shape (windows, bands, frames), as the makers' network computes them."""
    t = {name: torch.as_tensor(value) for name, value in weights.items()}

    def conv(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        weight = t[f"{name}.0.weight"]
        groups = weight.shape[0] if weight.shape[1] == 1 and x.shape[1] > 1 else 1
        x = F.conv2d(x, weight, None, stride, (weight.shape[2] - 1) // 2, 1, groups)
        mean, variance, gamma, beta = (
            t[f"{name}.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)

    with torch.no_grad():
        x = F.hardswish(conv(torch.from_numpy(windows)[:, None], "features.0", 2))
        for number, (_, _, _, excited, activation, stride) in enumerate(TABLE, start=1):
            entered, name, part = x, f"features.{number}.block", 0
            if t[f"{name}.0.0.weight"].shape[1] > 1:  # else the filter of each channel comes first
                x, part = activation(conv(x, f"{name}.0")), 1
            x = activation(conv(x, f"{name}.{part}", stride))
            if excited:
                part += 1
                inner = f"{name}.{part}.conc_se_layers.0"
                scale = F.relu(F.linear(x.mean((2, 3)), t[f"{inner}.fc1.weight"], t[f"{inner}.fc1.bias"]))
                scale = torch.sigmoid(F.linear(scale, t[f"{inner}.fc2.weight"], t[f"{inner}.fc2.bias"]))
                x = x * scale[:, :, None, None]
            x = conv(x, f"{name}.{part + 1}")
            if stride == 1 and x.shape == entered.shape:
                x = x + entered
        mean = F.hardswish(conv(x, "features.16")).mean((2, 3))
        hidden = F.hardswish(F.linear(mean, t["classifier.2.weight"], t["classifier.2.bias"]))
        logits = F.linear(hidden, t["classifier.5.weight"], t["classifier.5.bias"])
    return {"map_mean": mean.numpy(), "hidden": hidden.numpy(), "logits": logits.numpy()}


def efficientat_bands(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel bands of sound at 32 kHz, shape (bands, frames), by torch's STFT and Kaldi's formula."""
    y = torch.from_numpy(samples)
    y = y[1:] - 0.97 * y[:-1]
    window = torch.hann_window(800, periodic=False)
    spectra = torch.stft(y, 1024, 320, 800, window, center=True, return_complex=True)
    bands = torch.from_numpy(_kaldi()) @ spectra.abs().square()
    return np.asarray(((bands + 1e-5).log() + 4.5) / 5, dtype=np.float32)


@lru_cache(maxsize=1)
def _kaldi() -> NDArray[np.float32]:
    def mel(hertz: float) -> float:
        return 1127 * float(np.log(1 + hertz / 700))

    step, filters = mel(15_000) / 129, np.zeros((128, 513))
    for band in range(128):
        for k in range(512):
            place = mel(k * 32_000 / 1024) / step - band
            filters[band, k] = max(0.0, min(place, 2 - place))
    return filters.astype(np.float32)


def random_musicnn(seed: int = 0) -> Tensors:
    """Random weights of musicnn, by the names of its checkpoints; some norms have negative scales."""
    random = np.random.default_rng(seed)
    kernels = [(7, 38, 1, 204), (7, 67, 1, 204), (128, 1, 1, 51), (64, 1, 1, 51), (32, 1, 1, 51)]
    kernels += [(7, 561, 1, 64), (7, 64, 1, 64), (7, 64, 1, 64)]
    tensors: Tensors = {}
    for number, size in enumerate([1, *(shape[-1] for shape in kernels), 1506, 200]):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        tensors[f"{name}/gamma"] = random.uniform(0.5, 1.5, size) * random.choice([-1, 1], size, p=[0.2, 0.8])
        tensors[f"{name}/beta"] = random.normal(0, 0.3, size)
        tensors[f"{name}/moving_mean"] = random.normal(0, 0.3, size)
        tensors[f"{name}/moving_variance"] = random.uniform(0.5, 1.5, size)
    layers = [(f"conv2d_{number}" if number else "conv2d", shape) for number, shape in enumerate(kernels)]
    for name, shape in [*layers, ("dense", (1506, 200)), ("dense_1", (200, 50))]:
        tensors[f"{name}/kernel"] = random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape)
        tensors[f"{name}/bias"] = random.normal(0, 0.3, shape[-1])
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def musicnn(weights: ReadyTensors, windows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The layers of log-mel bands, shape (windows, frames, bands), as the makers' network computes them."""
    t = {name: torch.as_tensor(value) for name, value in weights.items()}

    def norm(x: torch.Tensor, number: int) -> torch.Tensor:
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        mean, variance = t[f"{name}/moving_mean"], t[f"{name}/moving_variance"]
        return F.batch_norm(x, mean, variance, t[f"{name}/gamma"], t[f"{name}/beta"], eps=1e-3)

    def conv(x: torch.Tensor, number: int) -> torch.Tensor:
        name = f"conv2d_{number}" if number else "conv2d"
        kernel = t[f"{name}/kernel"]
        time = kernel.shape[0] - 1
        x = F.pad(x, (0, 0, time // 2, time - time // 2))
        return norm(F.relu(F.conv2d(x, kernel.permute(3, 2, 0, 1), t[f"{name}/bias"])), number + 1)

    with torch.no_grad():
        x = norm(torch.from_numpy(windows)[:, None], 0)
        front = torch.cat([conv(x, number).amax(3) for number in range(5)], 1)  # (windows, 561, frames)
        first = conv(front.transpose(1, 2)[:, None], 5)[..., 0]
        second = conv(first.transpose(1, 2)[:, None], 6)[..., 0] + first
        third = conv(second.transpose(1, 2)[:, None], 7)[..., 0] + second
        every = torch.cat([front, first, second, third], 1)
        mean, highest = every.mean(2), every.amax(2)
        flat = norm(torch.stack([highest, mean], 2).flatten(1), 9)
        penultimate = norm(F.relu(flat @ t["dense/kernel"] + t["dense/bias"]), 10)
        tags = torch.sigmoid(penultimate @ t["dense_1/kernel"] + t["dense_1/bias"])
    pooled = torch.cat([mean, highest], 1)
    return {"penultimate": penultimate.numpy(), "pool_mean_max": pooled.numpy(), "tags": tags.numpy()}


def musicnn_bands(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel bands of sound at 16 kHz, shape (frames, bands), by librosa."""
    bands = librosa.feature.melspectrogram(y=samples, sr=16_000, n_fft=512, hop_length=256, n_mels=96).T
    return np.asarray(np.log10(10_000 * bands.astype(np.float16).astype(np.float32) + 1), dtype=np.float32)


def save_torch(weights: Tensors, path: Path) -> Path:
    """Write the weights as their makers did, by torch."""
    torch.save({name: torch.from_numpy(value) for name, value in weights.items()}, path)
    return path
