"""A dot for every request, cheap enough for a million of them.

The plot is a grid of small cells. Every request lies in a drawn cell, so no outlier is lost; requests in the same cell
share one dot, darker the more they are. A page therefore grows with the number of cells, not of requests.
"""

import numpy as np
from markupsafe import Markup

from rtdeploy.report.charts.axes import Floats
from rtdeploy.report.charts.svg import DATA, element, group, number

__all__ = ["Grid", "dots", "marks"]

_LEVELS = (1, 2, 5, 20)
"""From this many requests on a dot gets darker."""

Grid = tuple[int, int]
"""Columns and rows."""


def dots(x: Floats, y: Floats, *, grid: Grid, class_: str) -> Markup:
    """Dots at fractions of the plot, y upwards; points that are NaN or infinite are left out."""
    columns, rows = grid
    known = np.isfinite(x) & np.isfinite(y)
    column = np.minimum(x[known] * columns, columns - 1).astype(np.int64)
    row = np.minimum((1 - y[known]) * rows, rows - 1).astype(np.int64)
    cells, counts = np.unique(column * rows + row, return_counts=True)
    level = np.searchsorted(_LEVELS, counts, side="right")
    scale = f"scale({number(DATA / columns)} {number(DATA / rows)})"
    paths = (
        element("path", class_=f"{class_} d{degree}", d=_path(cells[level == degree], rows))
        for degree in range(1, len(_LEVELS) + 1)
        if np.any(level == degree)
    )
    return element("g", group(paths), transform=scale)


def marks(x: Floats, *, columns: int, top: float, height: float, class_: str) -> Markup:
    """Upright strokes at fractions of the width, for what has no height of its own."""
    column = np.unique(np.minimum(x[np.isfinite(x)] * columns, columns - 1).astype(np.int64))
    strokes = "".join(
        f"M{number((c + 0.5) * DATA / columns)} {number(DATA * top)}v{number(DATA * height)}" for c in column
    )
    return element("path", class_=class_, d=strokes)


def _path(cells: np.ndarray[tuple[int, ...], np.dtype[np.int64]], rows: int) -> str:
    """Steps from dot to dot, in cells; shorter than places."""
    column, row = np.divmod(cells, rows)
    right, down = np.diff(column, prepend=0), np.diff(row, prepend=0)
    return "M.5 .5" + "".join(f"m{a} {b}h0" for a, b in zip(right.tolist(), down.tolist(), strict=True))
