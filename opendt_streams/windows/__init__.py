"""Event-time windows and watermarks."""
