"""What breaks a topic's contract becomes a dead letter, once; the run goes on as if it had not been there, and ends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from typing import Final

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from opendt_streams.model import times
from opendt_streams.wire import topics
from opendt_streams.wire.encode import end_message
from opendt_streams.wire.messages import ResultRecorded, TaskSubmitted
from tests.integration.streams.bad_messages import BAD_MESSAGES, Bad, task
from tests.integration.streams.harness import CALIBRATOR, SIMULATOR, START_MS, Logs, Twin, documents, said_between, values, window_ends
from tests.integration.streams.producer import Producer, producer
from tests.integration.streams.undisturbed import Undisturbed, half_day

UNTIL_MS: Final = START_MS + 3 * times.HOUR
LARGE: Final = 9 * 10**6
_TOO_LARGE: Final = b" " * (topics.MAX_VALUE_BYTES + 1)


class Spoiled:
    """Three hours of the undisturbed run with every bad message among them."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, int], Bad] = {}
        self.refused_by_broker = False
        self.logs: Logs = {}


@pytest.fixture(scope="module")
def spoiled(undisturbed: Undisturbed, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Spoiled:
    twin = Twin(tmp_path_factory.mktemp("spoiled"), broker_url, half_day(undisturbed.workload))
    return asyncio.run(_run(twin, undisturbed.logs))


async def _run(twin: Twin, logs: Logs) -> Spoiled:
    spoiled = Spoiled()
    async with twin, producer(twin) as kafka:
        await twin.start(SIMULATOR, CALIBRATOR)
        for record in said_between(logs, 0, UNTIL_MS - times.HOUR):
            await kafka.send(record.topic, record.value, record.key)
        await kafka.arrived()
        for bad in (*BAD_MESSAGES, _contradiction(logs), Bad(topics.WORKLOAD, _TOO_LARGE, "at most")):
            await kafka.send(bad.topic, bad.value, b"demo")
            (offset,) = await kafka.arrived()
            spoiled.sent[bad.topic, offset] = bad
        spoiled.refused_by_broker = await _is_refused(kafka)
        for record in said_between(logs, UNTIL_MS - times.HOUR, UNTIL_MS):
            await kafka.send(record.topic, record.value, record.key)
        await kafka.send(topics.WORKLOAD, _nine_megabytes(), b"demo")
        for topic in (topics.WORKLOAD, topics.POWER):
            await kafka.send(topic, end_message(), b"demo")
        await kafka.arrived()
        await twin.ended()
        await twin.count(topics.DEAD_LETTER, len(spoiled.sent))
        assert twin.alive(SIMULATOR)
        assert twin.alive(CALIBRATOR)
        spoiled.logs = await twin.logs()
    return spoiled


async def _is_refused(kafka: Producer) -> bool:
    await kafka.send(topics.WORKLOAD, b" " * (topics.MAX_RECORD_BYTES + 2**20), b"demo")
    try:
        await kafka.arrived()
    except MessageSizeTooLargeError:
        return True
    return False


def _contradiction(logs: Logs) -> Bad:
    first = next(m.task for r in logs[topics.WORKLOAD] if isinstance(m := r.message(), TaskSubmitted))
    return Bad(topics.WORKLOAD, task(first.id), f"task {first.id} was submitted before with other content")


def _nine_megabytes() -> bytes:
    """A task of a great many fragments that all ask for nothing."""
    fragments = LARGE // len("100,0.0,")
    columns = {"duration_ms": [100] * fragments, "cpu_usage_mhz": [0.0] * fragments}
    time = times.iso(UNTIL_MS)
    message = task(900_009, submission_time=time, duration=60_000, fragments=columns).replace(b", ", b",")
    assert LARGE < len(message) <= topics.MAX_VALUE_BYTES
    return message


@pytest.mark.parametrize("number", range(len(BAD_MESSAGES) + 2))
def test_a_bad_message_gives_one_telling_dead_letter(spoiled: Spoiled, number: int) -> None:
    (topic, offset), bad = list(spoiled.sent.items())[number]
    letters = [d for d in documents(spoiled.logs, topics.DEAD_LETTER) if (d["topic"], d["offset"]) == (topic, offset)]
    assert len(letters) == 1
    letter, raw = letters[0], bad.value or b""
    assert re.search(bad.reason, letter["reason"], re.DOTALL), letter["reason"]
    assert (letter["length"], letter["sha256"]) == (len(raw), hashlib.sha256(raw).hexdigest())
    if len(raw) <= 2**20:
        assert letter.get("raw_base64", "") == ("" if bad.value is None else base64.b64encode(raw).decode())
    else:
        assert "raw_base64" not in letter


def test_nothing_else_is_a_dead_letter(spoiled: Spoiled) -> None:
    assert len(spoiled.logs[topics.DEAD_LETTER]) == len(spoiled.sent)


def test_the_broker_itself_refuses_what_is_over_the_limit(spoiled: Spoiled) -> None:
    assert spoiled.refused_by_broker


def test_the_windows_are_what_they_would_be_without(spoiled: Spoiled, undisturbed: Undisturbed) -> None:
    windows = (UNTIL_MS - START_MS) // (5 * times.MINUTE)
    assert values(spoiled.logs, topics.RESULTS)[:windows] == values(undisturbed.logs, topics.RESULTS)[:windows]
    assert len(window_ends(spoiled.logs)) > windows


def test_nine_megabytes_are_a_message_like_any_other(spoiled: Spoiled) -> None:
    results = [m.result for r in spoiled.logs[topics.RESULTS] if isinstance(m := r.message(), ResultRecorded)]
    (entered,) = [r for r in results if r.window_start_ms == UNTIL_MS]
    assert entered.tasks.submitted == 1
    assert sum(r.tasks.submitted - r.tasks.completed - r.tasks.terminated for r in results) == 0
