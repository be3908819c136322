"""Fixtures that every kind of test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from opendt_streams.broker import EmbeddedBroker

BROKER_FIXTURE = "broker_url"

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one embedded Kafka for the whole session; take topic names of your own."""
    folder = tmp_path_factory.mktemp("broker")
    with EmbeddedBroker(folder / "kafka", folder / "logs", quiet=True) as broker:
        yield broker.url


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and BROKER_FIXTURE in item.fixturenames:
            item.add_marker(pytest.mark.broker)
