"""Settings: one YAML with every default, a file of the user's, the environment, flags."""

from opendt_streams.settings.fields import FOREVER, duration_text
from opendt_streams.settings.loading import Loaded, effective_document, effective_values, load, of_document, valid_keys
from opendt_streams.settings.sections import KafkaSettings, Settings

__all__ = [
    "FOREVER",
    "KafkaSettings",
    "Loaded",
    "Settings",
    "duration_text",
    "effective_document",
    "effective_values",
    "load",
    "of_document",
    "valid_keys",
]
