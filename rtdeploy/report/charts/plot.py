"""The frame of a chart: axes with ticks and units around a data layer that stretches to any width.

Text keeps its size on a phone and on paper: labels are placed in percent of the plot, and only the data layer, whose
strokes do not scale, is stretched. The room for the labels is the padding of the SVG, set in the style sheet.
"""

from collections.abc import Iterator

from markupsafe import Markup

from rtdeploy.report.charts.axes import Axis
from rtdeploy.report.charts.svg import DATA, element, group, share

__all__ = ["area", "label", "plot", "rule"]

_NOTHING = Markup("")


def plot(
    *, title: str, desc: str, x: Axis, y: Axis, under: Markup = _NOTHING, data: Markup, over: Markup = _NOTHING
) -> Markup:
    """A chart with a name and a description for who cannot see it.

    ``data`` is drawn in units of :data:`rtdeploy.report.charts.svg.DATA`, ``under`` and ``over`` in percent.
    """
    layer = element("svg", data, viewBox=f"0 0 {DATA} {DATA}", preserveAspectRatio="none", width="100%", height="100%")
    return element(
        "svg",
        element("title", title),
        element("desc", desc),
        under,
        group(_grid(x, y)),
        layer,
        group(_labels(x, y)),
        over,
        class_="plot",
        role="img",
    )


def rule(y: float, class_: str) -> Markup:
    """A horizontal line across the plot at a fraction of its height, from below."""
    return element("line", class_=class_, x1="0", x2="100%", y1=share(1 - y), y2=share(1 - y))


def area(x: float, y: float, width: float, height: float, class_: str) -> Markup:
    """A rectangle whose left lower corner is at (x, y), in fractions of the plot."""
    return element("rect", class_=class_, x=share(x), y=share(1 - y - height), width=share(width), height=share(height))


def label(x: float, y: float, text: str, class_: str, *, dx: float = 0, dy: float = 0) -> Markup:
    """Text at a fraction of the plot, moved by pixels."""
    return element("text", text, class_=class_, x=share(x), y=share(1 - y), dx=dx, dy=dy)


def _grid(x: Axis, y: Axis) -> Iterator[Markup]:
    for tick in y.ticks:
        yield rule(tick.at, "grid" if tick.label else "grid faint")
    for tick in x.ticks:
        yield element("line", class_="grid", x1=share(tick.at), x2=share(tick.at), y1="0", y2="100%")
    yield rule(0, "axis")


def _labels(x: Axis, y: Axis) -> Iterator[Markup]:
    for tick in x.ticks:
        yield label(tick.at, 0, tick.label, "tick x", dy=16)
    for tick in y.ticks:
        if tick.label:
            yield label(0, tick.at, tick.label, "tick y", dx=-8, dy=4)
    yield label(1, 0, x.title, "axis-title x", dy=34)
    yield label(0, 1, y.title, "axis-title y", dx=-48, dy=-12)
