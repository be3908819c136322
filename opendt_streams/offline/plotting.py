"""A picture of a comparison: error and skill of each method by how long its parameters had to hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from opendt_streams.errors import BadInput, Unavailable
from opendt_streams.model import times
from opendt_streams.offline.comparison import Line
from opendt_streams.offline.scoring import PERSISTENCE

SUFFIXES: Final = (".svg", ".png", ".pdf")


def require_plot(path: Path) -> None:
    """
    Raises:
        BadInput: a picture of another kind is asked for.
        Unavailable: the library that draws is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise BadInput(f"no picture ends in {path.suffix or 'nothing'!r}", expected="one of " + ", ".join(SUFFIXES), where=str(path))
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise Unavailable(
            "pictures need matplotlib, which is not installed", expected="the extra `plot`", hint="pip install 'opendt-streams[plot]'"
        ) from None


def plot(lines: Sequence[Line], title: str, path: Path) -> None:
    """Draw the lines. Equal figures give equal bytes of an svg (for one version of matplotlib)."""
    require_plot(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "opendt", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 4.2), layout="constrained")
        error, skill = figure.subplots(1, 2)
        for name in dict.fromkeys(line.figures.method for line in lines):
            of = sorted((line.figures for line in lines if line.figures.method == name), key=lambda f: f.publish_every_ms)
            hours = [f.publish_every_ms / times.HOUR for f in of]
            style = "--" if name == PERSISTENCE else "-"
            error.plot(hours, [_or_nan(f.mape_percent) for f in of], style, marker="o", label=name)
            if name != PERSISTENCE:
                skill.plot(hours, [_or_nan(f.skill) for f in of], style, marker="o", label=name)
        error.set(xscale="log", yscale="log", xlabel="publication interval [h]", ylabel="MAPE [%], pure model, definition A", title=title)
        skill.axhline(0, color="0.5", linewidth=1)
        skill.set(xscale="log", ylim=(-1, 1), xlabel="publication interval [h]", ylabel="skill against persistence")
        error.legend()
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
