"""Sites whose truth is known: what their hosts really draw, how that changes, and what the meters make of it; to test calibration."""
