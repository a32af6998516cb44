"""Libraries that other libraries import at once and may never use: they are imported when they are first asked.

Conventions
-----------
While the block runs, a stand-in has the library's name among the modules. Whoever imports it gets that, and the first
attribute that is asked of it, or the first import of one of its parts, imports the library. After the block its name is
free again, so later imports are the plain ones. Nothing is hidden: all that changes is when a library is imported.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """A module that becomes another one when it is asked for anything."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def deferring(*names: str) -> Iterator[None]:
    """In the block, imports of these libraries are put off; of what is imported already nothing changes."""
    stand_ins = {name: _StandIn(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
