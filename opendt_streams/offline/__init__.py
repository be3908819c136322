"""Calibration offline: what a twin saw, recorded once, and any method at any publication interval driven over it as the twin does."""
