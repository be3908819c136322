"""Digests over every record of a run's topics, and the manifest that closes them."""
