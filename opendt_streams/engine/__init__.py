"""Simulation engines behind one port: given a topology and tasks, advance to a time, return rows; checkpoint; restore."""
