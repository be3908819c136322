"""Proving from the topics alone what the twin knew and why it said so: seals, replay, as-of answers, evidence bundles."""
