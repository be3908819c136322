"""TLS by configuration: what cannot be used is said before anything listens."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from opendt_api.certificate import require_certificate

from opendt_streams.errors import BadConfiguration
from opendt_streams.settings import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates with their keys, and a file that is neither."""
    here, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    for name in ("one", "other"):
        issued = authority.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(here / f"{name}.pem")
        issued.private_key_pem.write_to_path(here / f"{name}.key")
    (here / "text").write_text("hello")
    return here


def check(folder: Path, certificate: str | None, key: str | None) -> None:
    named = {"api.tls_certificate": certificate, "api.tls_key": key}
    require_certificate(load(None, {k: str(folder / v) for k, v in named.items() if v}).settings.api)


@pytest.mark.parametrize("pair", [(None, None), ("one.pem", "one.key")])
def test_what_can_be_used(folder: Path, pair: tuple[str | None, str | None]) -> None:
    check(folder, *pair)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("one.pem", None), "belong together"),
        ((None, "one.key"), "belong together"),
        (("none.pem", "one.key"), "there is no file"),
        (("one.pem", "none.key"), "there is no file"),
        (("one.pem", "other.key"), "cannot be used"),
        (("text", "one.key"), "cannot be used"),
    ],
)
def test_what_cannot(folder: Path, pair: tuple[str | None, str | None], words: str) -> None:
    with pytest.raises(BadConfiguration, match=words):
        check(folder, *pair)
