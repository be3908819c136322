"""Where the page of a run will be: known before anything else is, so that people can open it in the first second."""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from opendt_streams.broker.ports import free_port, is_free
from opendt_streams.errors import Unavailable
from opendt_streams.settings.sections import ApiSettings

_EVERYWHERE: Final = ("0.0.0.0", "::", "")


@dataclass(frozen=True, slots=True)
class Page:
    """`port` is where the API of this run listens, which is the configured one unless somebody has that."""

    host: str
    port: int
    tls: bool
    note: str = ""

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self.host in _EVERYWHERE else self.host
        return f"http{'s' if self.tls else ''}://{f'[{host}]' if ':' in host else host}:{self.port}/"


def find_page(api: ApiSettings, *, asked: bool) -> Page | None:
    """The page of a run with these settings; None where the API, a package of its own, is not installed.

    `asked`: somebody chose the port; else one that is taken gives way to a free one.

    Raises:
        Unavailable: somebody has the port that was asked for.
    """
    if find_spec("opendt_api") is None:
        return None
    tls = api.tls_certificate is not None
    if is_free(api.port):
        return Page(api.host, api.port, tls)
    if asked:
        raise Unavailable(f"the port {api.port} is taken", where="api.port", hint="Give another --port, or end who has it.")
    return Page(api.host, free_port(random.SystemRandom()), tls, f"port {api.port} is taken")
