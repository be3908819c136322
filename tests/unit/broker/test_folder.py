"""One user per data folder, and the second one learns who the first is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opendt_streams.broker.folder import LogInUse, is_formatted, note_user, sole_user
from opendt_streams.errors import BrokerUnavailable


def test_a_second_user_is_told_who_the_first_is(tmp_path: Path) -> None:
    words = rf"{tmp_path}.*in use by process {os.getpid()} \(.+\)"
    with sole_user(tmp_path), pytest.raises(LogInUse, match=words), sole_user(tmp_path):
        pytest.fail("two users of one log")


def test_the_log_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with sole_user(tmp_path / "new"):
            assert (tmp_path / "new" / "lock").exists()


def test_the_lock_lasts_as_long_as_somebody_holds_its_file(tmp_path: Path) -> None:
    with sole_user(tmp_path) as descriptor:
        kept = os.dup(descriptor)  # as Java does by inheriting it
    with pytest.raises(LogInUse), sole_user(tmp_path):
        pytest.fail("two users of one log")
    os.close(kept)
    with sole_user(tmp_path):
        pass


def test_a_holder_that_cannot_be_named_is_still_a_holder(tmp_path: Path) -> None:
    with sole_user(tmp_path):
        note_user(tmp_path, 2**22 + 1)
        with pytest.raises(LogInUse, match="in use by another process"), sole_user(tmp_path):
            pytest.fail("two users of one log")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerUnavailable, match="cannot be written"), sole_user(tmp_path / "file" / "kafka"):
        pytest.fail("a lock in a file's folder")


def test_half_a_format_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "log.new").mkdir()
    (tmp_path / "log.new" / "meta.properties").touch()
    assert not is_formatted(tmp_path)
    (tmp_path / "log.new").rename(tmp_path / "log")
    assert is_formatted(tmp_path)
