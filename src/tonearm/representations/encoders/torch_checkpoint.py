"""Plain tensors of a torch file (.pt), without torch and without executing anything in it.

Conventions
-----------
Such a file is a zip of `data.pkl`, a pickle of names and of the tensors' shapes, and one file of numbers for each
storage. The pickle may name nothing but ordered dictionaries, tensors and storages; a file that names anything else
is refused. Sizes are checked before anything is read.
"""

import collections
import io
import math
import pickle  # only `_Names`, which knows five names, reads with it
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import RepresentationError

LARGEST_PICKLE, LARGEST_FILE = 16 * 2**20, 2**30  # bytes
MOST_AXES = 8
TYPES = {"DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4"}


class _Storage(NamedTuple):
    kind: np.dtype[Any]
    key: str
    numbers: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StorageType(NamedTuple):
    kind: np.dtype[Any]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(data: Any, *_: Any) -> Any:
    return data


class _Names(pickle.Unpickler):
    """Reads a pickle that names nothing but tensors and ordered dictionaries."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for: our own harmless stand-in, or a refusal."""
        known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
        }
        if module == "torch" and name in TYPES:
            return _StorageType(np.dtype(TYPES[name]))
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it names {module}.{name}, and only plain tensors are read")
        return known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that a tensor's numbers lie in."""
        word, kind, key, _, count = pid
        if word != "storage" or not isinstance(kind, _StorageType):
            raise pickle.UnpicklingError("it refers to something that is no storage of numbers")
        return _Storage(kind.kind, str(key), int(count))


def read_torch(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of the file by name. Raises RepresentationError if it is damaged or holds anything else."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return _read(archive)
    except OSError as error:
        raise RepresentationError(f"{path}: cannot be read ({error.strerror})") from error
    # a foreign pickle may raise nearly anything, since it calls our stand-ins with what it likes
    except Exception as error:
        raise RepresentationError(
            f"{path}: is not a torch file of plain tensors, or is damaged ({type(error).__name__}: {error})"
        ) from error


def _read(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    if sum(member.file_size for member in archive.infolist()) > LARGEST_FILE:
        raise ValueError(f"it unpacks to more than {LARGEST_FILE} bytes")
    [pickled] = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
    folder = pickled.removesuffix("data.pkl")
    if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
        raise ValueError("its numbers are big-endian")
    if archive.getinfo(pickled).file_size > LARGEST_PICKLE:
        raise ValueError(f"its list of tensors has more than {LARGEST_PICKLE} bytes")
    found = _Names(io.BytesIO(archive.read(pickled))).load()
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}, not tensors by name")
    storages: dict[str, NDArray[Any]] = {}
    return {str(name): _array(archive, folder, tensor, storages) for name, tensor in found.items()}


def _array(archive: zipfile.ZipFile, folder: str, tensor: Any, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The numbers of a tensor, with every index inside its storage."""
    if not isinstance(tensor, _Tensor) or not isinstance(tensor.storage, _Storage):
        raise ValueError(f"it holds a {type(tensor).__name__} where a tensor is expected")
    kind, key, count = tensor.storage
    if key not in storages:
        content = archive.read(f"{folder}data/{key}")
        if len(content) != count * kind.itemsize:
            raise ValueError(f"storage {key} has {len(content)} bytes, not those of {count} numbers")
        storages[key] = np.frombuffer(content, dtype=kind)
    shape, strides, numbers = tensor.shape, tensor.strides, storages[key]
    whole = all(type(number) is int and number >= 0 for number in (tensor.offset, *shape, *strides))
    if not whole or len(shape) != len(strides) or len(shape) > MOST_AXES or not 0 < math.prod(shape) <= len(numbers):
        raise ValueError(f"the shape {shape} makes no sense for the {len(numbers)} numbers of storage {key}")
    last = tensor.offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if last >= len(numbers):
        raise ValueError(f"a tensor of shape {shape} reaches beyond storage {key}")
    steps = tuple(step * kind.itemsize for step in strides)
    view = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], shape, steps, writeable=False)
    return np.ascontiguousarray(view).reshape(shape)
