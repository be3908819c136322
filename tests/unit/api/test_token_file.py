"""The operator's token from a file of the user's, such as a secret that is mounted."""

from __future__ import annotations

from pathlib import Path

import pytest
from opendt_api.security import given_token

from opendt_streams.errors import BadConfiguration


def test_what_the_file_holds_is_the_token(tmp_path: Path) -> None:
    (tmp_path / "api_token").write_text(f"{'a' * 40}\n")
    assert given_token(tmp_path / "api_token") == "a" * 40


@pytest.mark.parametrize("content", [None, b"", b"short", "ü".encode() * 40])
def test_no_token_and_one_that_could_be_guessed_are_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "api_token").write_bytes(content)
    with pytest.raises(BadConfiguration, match="openssl rand"):
        given_token(tmp_path / "api_token")
