"""Workload directories: reading (`reader`), checking (`check`), replay order (`replay`) and a synthetic datacenter (`sample`)."""
