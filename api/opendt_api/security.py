"""Who may do what: loopback reads are open, everything else needs a bearer token; and limits on what a request may cost."""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opendt_api.problems import problem
from opendt_streams.errors import BadConfiguration

TOKEN_FILE: Final = "token"
OPERATOR: Final = "operator"
_SHORTEST_TOKEN: Final = 32
_MAKE: Final = "Make one: openssl rand -hex 32"
MOST_BODY_BYTES: Final = 2**20
_READ_BY_POST: Final = ("/graphite/render", "/graphite/metrics/find", "/graphite/metrics/expand")  # as Grafana reads
_OPEN: Final = ("/health/live", "/health/ready")  # for whoever watches over the process
_WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
}


def given_token(path: Path) -> str:
    """The token that a file holds.

    Raises:
        BadConfiguration: there is none, or one that could be guessed.
    """
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"cannot read the token: {error}", where="api.token_file", hint=_MAKE) from None
    if len(token) < _SHORTEST_TOKEN:
        raise BadConfiguration(f"a token of {len(token)} characters", expected=f"at least {_SHORTEST_TOKEN}", where=str(path), hint=_MAKE)
    return token


def own_token(run_dir: Path) -> str:
    """The run's token, made at the first start: only its owner may read the file."""
    path = run_dir / TOKEN_FILE
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii").strip()


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Principals:
    """Who is known, by the sha256 of a token. Tokens are random and long, so a fast hash keeps them."""

    by_hash: Mapping[str, str]

    def of(self, authorization: str | None) -> str | None:
        """The principal whose token this is. Every hash is compared, each in constant time."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        given, found = sha256(token.strip().encode()).hexdigest(), None
        for known, name in self.by_hash.items():
            if hmac.compare_digest(given, known):
                found = name
        return found


@dataclass(slots=True)
class Allowance:
    """A token bucket: `per_second` requests on average, `burst` at once."""

    per_second: float
    burst: float
    left: float = field(default=0.0)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self, now: float) -> bool:
        self.left, self.at = min(self.burst, self.left + (now - self.at) * self.per_second), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Guard:
    """Around everything: host, rate, token, body size, and headers of the answer. `open_paths` may be read without a token anywhere."""

    def __init__(self, app: ASGIApp, *, principals: Principals, host: str, allowance: Allowance, open_paths: Iterable[str] = ()) -> None:
        self._app, self._principals, self._allowance = app, principals, allowance
        self._open = frozenset((*_OPEN, *open_paths))
        self._local = is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, _with_headers(send))
            return
        await self._app(scope, _Body(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if self._local and not is_loopback(_host_of(headers.get("host", ""))):
            return problem(400, "the Host header names another machine", hint="Use http://127.0.0.1 or http://localhost.")
        if not self._allowance.take(time.monotonic()):
            return problem(429, "too many requests", hint="Wait a second.", headers={"Retry-After": "1"})
        if (length := headers.get("content-length", "0")).isdigit() and int(length) > MOST_BODY_BYTES:
            return problem(413, f"the body has {length} bytes; expected at most {MOST_BODY_BYTES}")
        principal = self._principals.of(headers.get("authorization"))
        scope.setdefault("state", {})["principal"] = principal
        writes = scope["method"] in _WRITES and scope["path"] not in _READ_BY_POST
        needs = writes or not (self._local or scope["path"] in self._open)
        if needs and principal is None:
            hint = f"Authorization: Bearer TOKEN, with the token in the file {TOKEN_FILE} of the run folder."
            return problem(401, "this needs a token that is known here", hint=hint, headers={"WWW-Authenticate": "Bearer"})
        return None


class _Body:
    """A body as far as it may go."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._read = receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > MOST_BODY_BYTES:
            raise HTTPException(413, f"the body is larger than {MOST_BODY_BYTES} bytes")
        return message


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _host_of(header: str) -> str:
    """The host of a Host header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] or header
