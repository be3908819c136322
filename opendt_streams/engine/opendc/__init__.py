"""The real OpenDC as an engine: its runner as a subprocess, one invocation for as many windows as it can answer."""
