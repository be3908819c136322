"""Commands that read a run find its live broker, or start the run's own log for as long as they need it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from opendt_streams.broker import EmbeddedBroker, attach_or_start, embedded_broker, live_broker, publish, retract
from opendt_streams.broker.ports import answers
from opendt_streams.broker.process import is_running, wait_for
from opendt_streams.broker.run_log import read_record, stop_detached
from opendt_streams.errors import BadInput, BrokerUnavailable

pytestmark = pytest.mark.broker


Run = tuple[Path, EmbeddedBroker]
"""A live run: its folder and its published broker."""


@contextmanager
def live(run_dir: Path) -> Iterator[Run]:
    with embedded_broker(run_dir, quiet=True) as broker:
        publish(run_dir, broker)
        yield run_dir, broker


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """For tests that leave it running."""
    with live(tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """For tests that end it."""
    with live(tmp_path) as run:
        yield run


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_live_run_is_attached_to_and_left_alone(shared_run: Run) -> None:
    run_dir, broker = shared_run
    with attach_or_start(run_dir) as url:
        assert url == broker.url
    assert broker.alive


def test_the_broker_of_a_live_run_is_not_stopped(shared_run: Run) -> None:
    run_dir, broker = shared_run
    with pytest.raises(BadInput, match=f"belongs to process {os.getpid()}"):
        stop_detached(run_dir)
    assert broker.alive


async def test_a_run_that_was_killed_is_started_for_the_block(run: Run) -> None:
    run_dir, broker = run
    os.kill(broker.pid, signal.SIGKILL)
    assert wait_for(lambda: not broker.alive, 5)
    assert live_broker(run_dir) is None
    with attach_or_start(run_dir, quiet=True) as url:  # in a running event loop, too
        assert answers(port_of(url))
    assert not answers(port_of(url))


def test_readers_of_a_stopped_run_wait_for_each_other(run: Run) -> None:
    run_dir, broker = run
    broker.stop()
    retract(run_dir)

    def read(_: int) -> bool:
        with attach_or_start(run_dir, quiet=True) as url:
            return answers(port_of(url))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read, range(2))) == [True, True]


def test_a_process_that_only_has_the_same_number_is_not_the_broker(shared_run: Run, tmp_path: Path) -> None:
    run_dir, broker = shared_run
    record = read_record(run_dir)
    assert record is not None
    assert record.process() == psutil.Process(broker.pid)
    text = (run_dir / "broker.json").read_text()
    (tmp_path / "broker.json").write_text(text.replace(str(record.started_ms), "1000"))
    assert live_broker(tmp_path) is None


def test_the_block_ends_the_broker_when_it_fails(run: Run) -> None:
    run_dir, broker = run
    broker.stop()
    with pytest.raises(ZeroDivisionError), attach_or_start(run_dir, quiet=True) as url:
        raise ZeroDivisionError
    assert not answers(port_of(url))


def test_a_run_on_a_cluster_is_read_there(broker_url: str, tmp_path: Path) -> None:
    publish(tmp_path, broker_url)
    with attach_or_start(tmp_path) as url:
        assert url == broker_url
    retract(tmp_path)  # the cluster stays where it is
    assert read_record(tmp_path) is not None


def test_a_cluster_that_is_gone_is_said(tmp_path: Path) -> None:
    publish(tmp_path, "kafka://127.0.0.1:1")
    with pytest.raises(BrokerUnavailable, match="no Kafka answers"), attach_or_start(tmp_path):
        pytest.fail("attached to nothing")


def test_a_folder_without_a_log_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no Kafka log here"), attach_or_start(tmp_path):
        pytest.fail("attached to nothing")
    assert not list(tmp_path.iterdir())


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text("{")
    with pytest.raises(BadInput, match=r"broker\.json"):
        live_broker(tmp_path)


def test_is_running_sees_through_zombies() -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    process = psutil.Process(child)
    assert wait_for(lambda: process.status() == psutil.STATUS_ZOMBIE, 5)
    assert not is_running(process)
    os.waitpid(child, 0)
    assert not is_running(process)
