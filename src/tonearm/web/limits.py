"""What the application may be asked for, and where it listens: declared once, and checked when it starts."""

import ipaddress
import secrets
import socket
from dataclasses import dataclass, field

from tonearm.errors import ConfigError

LOOPBACK = "127.0.0.1"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Limits and place of the application.

    host, port: where it listens. token: what a client must show, "" where it listens on loopback and none is asked
    for. names: further host names under which clients reach it, such as that of a proxy before it. file_bytes,
    kept_bytes, kept_files: the most that one uploaded file may have, and that all kept ones may. keep_seconds: how long
    an upload is kept. task_seconds: how long a worker may take for one file. waiting: tasks that may wait for a worker.
    workers: processes. connections: clients at a time. open: whether other machines need no token, since something
    before the application, such as a proxy, decides who may ask.
    Raises ConfigError where the host is no address that can be listened on by name.
    """

    host: str = LOOPBACK
    port: int = 8000
    token: str = field(default="", repr=False)
    names: tuple[str, ...] = ()
    file_bytes: int = 200 * MEGABYTE
    kept_bytes: int = 4_000 * MEGABYTE
    kept_files: int = 5_000
    keep_seconds: float = 12 * 3600.0
    task_seconds: float = 60.0
    waiting: int = 200
    workers: int = 1
    connections: int = 200
    open: bool = False

    def __post_init__(self) -> None:
        if not self.loopback and not self.token and not self.open:
            raise ConfigError(f"host {self.host}: other machines can reach it, so it needs a token")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def address(self) -> str:
        """The URL of the application, as a person of this machine opens it."""
        host = LOOPBACK if self.host == "0.0.0.0" else "[::1]" if self.host == "::" else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{self.port}/"

    def knows(self, host: str) -> bool:
        """Whether a Host header without its port names this application.

        Source: DNS rebinding needs a name of the attacker's; an address, and names of this machine, are none.
        """
        host = host.lower().removesuffix(".")
        own = {"localhost", self.host.lower(), *(name.lower() for name in self.names)}
        if not self.loopback:
            own |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        if host in own:
            return True
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        return address.is_loopback or not self.loopback


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is of this machine alone.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "music.example")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """A token that nobody can guess, 32 characters of a URL."""
    return secrets.token_urlsafe(24)
