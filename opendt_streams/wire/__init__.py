"""Messages at the edge: bytes and headers of the topics on one side, domain values on the other.

`decode` never raises: what breaks its contract becomes an `Invalid` with its reason, which the state machines turn into a dead letter.
"""
