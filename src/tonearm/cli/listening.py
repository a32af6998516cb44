"""What the commands that answer over HTTP share: options, limits, and the sentence where their extra is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonearm.errors import TonearmError

if TYPE_CHECKING:
    from tonearm.web.limits import Limits

PACKAGES = ("fastapi", "starlette", "uvicorn", "python_multipart", "jinja2")  # of the extras serve and ui
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="port; 0: any that is free")]
Token = Annotated[str | None, typer.Option("--token", envvar="TONEARM_TOKEN", help="token in place of a random one")]


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Raise TonearmError where an import of the block lacks a package of the extra, named like the command."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise TonearmError(f'tonearm {extra} needs {error.name}: pip install "tonearm[{extra}]"') from error


def limits_of(host: str, port: int, token: str | None, max_mb: int, *, open_: bool = False, **others: Any) -> "Limits":
    """The limits of a command. open_: whether nobody is asked for a token. others: further fields of `Limits`."""
    from tonearm.web.limits import MEGABYTE, Limits, is_loopback, new_token

    return Limits(
        host,
        port,
        token or ("" if open_ or is_loopback(host) else new_token()),
        file_bytes=max_mb * MEGABYTE,
        kept_bytes=max(Limits.kept_bytes, 2 * max_mb * MEGABYTE),
        open=open_,
        **others,
    )
