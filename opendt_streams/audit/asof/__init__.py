"""What the twin believed at an earlier moment."""
