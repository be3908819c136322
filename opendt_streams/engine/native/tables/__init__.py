"""OpenDC's four output tables, computed from a simulation piece by piece (opendc-semantics section 12)."""
