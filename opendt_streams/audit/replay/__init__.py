"""Recomputing from the topics alone what the twin said, and comparing it with the record."""
