"""A self-calibrating datacenter digital twin: an event-sourced stream processor on Faust with OpenDC's semantics."""

__version__ = "0.1.0"
