"""The code that computes a result as a digest, so that what a corrected tonearm computes is not taken from a cache.

Conventions
-----------
The code of a module is its own and that of all tonearm modules which it imports, at its head or inside a function, and
which these import, as far as they compute. What only reads, writes, waits or speaks (`runtime`, `data`, `settings`)
does not count, and neither do registries, which import what the result has nothing to do with. Comments, docstrings and
layout do not count either, so that better words cost nobody a night. A digest that was stored is compared where
results are looked for in a cache, and nowhere else: a saved run is loaded and predicts whatever it is.
"""

import ast
import hashlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

PACKAGE = __name__.partition(".")[0]
COMPUTING = ("dsp", "evaluation", "models", "representations", "scan", "training")
REGISTRIES = (f"{PACKAGE}.models", f"{PACKAGE}.representations.registry")


class _Module(NamedTuple):
    """Names of the modules of tonearm that a module imports and that compute, and its code as text."""

    imports: frozenset[str]
    code: str


@cache
def source_digest(*modules: str) -> str:
    """SHA-256 of the code of these modules, in hexadecimal digits.

    A module outside tonearm stands for its own file alone, and one without a file, such as `__main__`, for nothing.
    """
    digest = hashlib.sha256()
    for name in sorted(computing_modules(*modules)):
        digest.update(f"{name}\0{_read(name).code}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()


def computing_modules(*modules: str) -> set[str]:
    """The modules, and those that they import and that take part in what they compute."""
    found: set[str] = set()
    waiting = set(modules)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= _read(name).imports - found
    return found


def _computes(name: str) -> bool:
    package, _, inner = name.partition(".")
    return package == PACKAGE and inner.split(".")[0] in COMPUTING and name not in REGISTRIES


@cache
def _read(name: str) -> _Module:
    text = read_source(name)
    if text is None:  # a package that was installed without its sources has nothing but its version
        return _Module(frozenset(), version(PACKAGE) if name.startswith(f"{PACKAGE}.") else "")
    tree = ast.parse(text)
    code: list[str] = []
    _write(tree, code)
    return _Module(frozenset(filter(_computes, _imported(tree))), " ".join(code))


def _imported(tree: ast.Module) -> Iterator[str]:
    """Names of the imported modules: `from tonearm.dsp import kernels` names `tonearm.dsp.kernels`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _computes(inner) and read_source(inner) is not None else node.module


@cache
def read_source(name: str) -> str | None:
    """The text of a module, None if there is no file of it."""
    if name.startswith(f"{PACKAGE}."):  # without importing it
        inner = name.removeprefix(f"{PACKAGE}.").replace(".", "/")
        for file in (f"{inner}.py", f"{inner}/__init__.py"):
            try:
                data = pkgutil.get_data(PACKAGE, file)
            except OSError:
                continue
            return data.decode() if data is not None else None
        return None
    try:
        spec = importlib.util.find_spec(name) if name != "__main__" else None
        get_source = getattr(spec.loader if spec else None, "get_source", None)
        text = get_source(name) if get_source else None
    except (ImportError, ValueError):  # a module of no file, such as those of notebooks
        return None
    return text if isinstance(text, str) else None


def _write(node: object, code: list[str]) -> None:
    """The tree as text, the same in every version of Python: unlike `ast.dump`, without fields that are empty."""
    if isinstance(node, list):
        for each in node:
            _write(each, code)
    elif not isinstance(node, ast.AST):
        code.append(repr(node))
    elif not _is_words(node):
        code.append(f"({type(node).__name__}")
        for field, value in ast.iter_fields(node):
            if value is not None and value != []:
                code.append(field)
                _write(value, code)
        code.append(")")


def _is_words(node: ast.AST) -> bool:
    """Whether it is a docstring, or another text that stands for itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
