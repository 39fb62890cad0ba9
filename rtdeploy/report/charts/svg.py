"""SVG elements with everything foreign escaped, and the shapes that all charts share."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from rtdeploy.report.charts.axes import Floats

__all__ = ["DATA", "element", "group", "number", "polyline", "share", "steps"]

DATA = 1000
"""The data layer of a plot is a square of this many units, y downwards, stretched to fit."""

Attribute = str | float | None


def element(name: str, *children: str, **attributes: Attribute) -> Markup:
    """One element; ``class_`` is ``class``, other underscores are hyphens, None leaves an attribute out."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), value if isinstance(value, str) else number(value))
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(map(escape, children))
    return (
        Markup("<{0}{1}>{2}</{0}>").format(name, written, inner) if inner else Markup("<{}{}/>").format(name, written)
    )


def group(children: Iterable[str]) -> Markup:
    """Elements one after another."""
    return Markup("").join(map(escape, children))


def number(value: float) -> str:
    """At most two decimals, none where there are none."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def share(value: float) -> str:
    """A fraction of the plot as a percentage."""
    return f"{number(100 * value)}%"


def polyline(x: Floats, y: Floats, class_: str) -> Markup:
    """A line through points given as fractions of the plot, y upwards; interrupted where either is NaN."""
    there = np.isfinite(x) & np.isfinite(y)
    starts = there & ~np.concatenate(([False], there[:-1]))
    moves = [
        f"{'M' if start else 'L'}{number(DATA * left)} {number(DATA * (1 - up))}"
        for left, up, start in zip(x[there], y[there], starts[there], strict=True)
    ]
    # A point alone has no length; a step of nothing gives it the round cap of its line.
    alone = _alone(there)[there]
    return element("path", class_=class_, d="".join(f"{s}h0" if a else s for s, a in zip(moves, alone, strict=True)))


def steps(start: Floats, end: Floats, y: Floats, class_: str) -> Markup:
    """A level stroke for every stretch, in fractions of the plot; no slope suggests what was not measured."""
    there = np.isfinite(y)
    strokes = (
        f"M{number(DATA * left)} {number(DATA * (1 - up))}H{number(DATA * right)}"
        for left, right, up in zip(start[there], end[there], y[there], strict=True)
    )
    return element("path", class_=class_, d="".join(strokes))


def _alone(there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    before = np.concatenate(([False], there[:-1]))
    after = np.concatenate((there[1:], [False]))
    return there & ~before & ~after
