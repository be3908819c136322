"""Where the page of a run will be: known, and listened on, before anything else is there.

Who opens the page in the first second waits until the API takes the socket over, instead of being refused; the same when it is restarted.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from opendt_streams.broker.ports import listen
from opendt_streams.errors import Unavailable
from opendt_streams.settings.sections import ApiSettings

_EVERYWHERE: Final = ("0.0.0.0", "::", "")


@dataclass(frozen=True, slots=True)
class Page:
    """`listening` is the socket that the API of this run serves; on another port than the configured one if somebody has that."""

    host: str
    listening: socket.socket
    tls: bool
    note: str = ""

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self.host in _EVERYWHERE else self.host
        return f"http{'s' if self.tls else ''}://{f'[{host}]' if ':' in host else host}:{self.port}/"


def find_page(api: ApiSettings, *, asked: bool) -> Page | None:
    """The page of a run with these settings; None where the API, a package of its own, is not installed.

    `asked`: somebody chose the port; else one that is taken gives way to a free one.

    Raises:
        Unavailable: somebody has the port that was asked for, or nobody can listen on the host.
    """
    if find_spec("opendt_api") is None:
        return None
    tls = api.tls_certificate is not None
    try:
        return Page(api.host, listen(api.host, api.port), tls)
    except OSError as error:
        if asked:
            what = f"nothing can listen on port {api.port} of {api.host}: {error.strerror}"
            raise Unavailable(what, where="api.port", hint="Give another --port, or end who has it.") from None
    try:
        return Page(api.host, listen(api.host, 0), tls, f"port {api.port} is taken")
    except OSError as error:
        raise Unavailable(f"nothing can listen on {api.host}: {error.strerror}", where="api.host") from None
