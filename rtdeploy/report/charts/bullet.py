"""A budget line as a bar: measured value, its interval, and where the budget is."""

import math

from markupsafe import Markup

from rtdeploy.report.charts.svg import element, group, share
from rtdeploy.report.lines import Line

__all__ = ["bullet"]


def bullet(line: Line) -> Markup:
    """A bar from zero to the measured value with a tick at the budget; what is off the scale ends at the edge."""
    ends = [line.budget, line.measured or 0.0, line.high or 0.0]
    scale = max((value for value in ends if math.isfinite(value)), default=1.0) * 1.08 or 1.0
    shapes = [element("rect", class_="track", x="0", y="5", width="100%", height="8", rx="2")]
    if line.measured is not None and not math.isnan(line.measured):
        width = share(min(line.measured / scale, 1))
        shapes.append(element("rect", class_=f"fill {line.verdict}", x="0", y="5", width=width, height="8", rx="2"))
    if line.low is not None and line.high is not None:
        low, high = share(min(line.low / scale, 1)), share(min(line.high / scale, 1))
        shapes.append(element("line", class_="whisker", x1=low, x2=high, y1="9", y2="9"))
    at = share(line.budget / scale)
    shapes.append(element("line", class_="limit", x1=at, x2=at, y1="1", y2="17"))
    told = f"measured {line.measured_text}, budget {line.budget_text}"
    return element(
        "svg", element("title", line.name), element("desc", told), group(shapes), class_="bullet", role="img"
    )
