"""Fixtures of the tests over live services."""

from tests.integration.streams.undisturbed import undisturbed

__all__ = ["undisturbed"]
