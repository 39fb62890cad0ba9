"""Results → terminal, HTML, Markdown, JUnit, GitHub annotations.

Each function imports what it needs when it is called: the command line pays for the format that it writes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rtdeploy.bench.ceiling import Capacity
    from rtdeploy.bench.comparison import Comparison
    from rtdeploy.bench.result import Result
    from rtdeploy.bench.store import Run

__all__ = [
    "ceiling_html",
    "ceiling_markdown",
    "ceiling_terminal",
    "compared",
    "github",
    "html",
    "junit",
    "markdown",
    "terminal",
]


def html(runs: "Sequence[Run]", comparison: "Comparison | None" = None) -> str:
    """One self-contained page about one run, or about several side by side, with what a comparison says of them."""
    from rtdeploy.report.page import render

    return render(runs, comparison)


def markdown(results: "Sequence[Result]", comparison: "Comparison | None" = None) -> str:
    """A comment for a pull request: the verdicts, the reasons, and the details folded away."""
    from rtdeploy.report.comment import render

    return render(results, comparison)


def junit(results: "Sequence[Result]") -> str:
    """JUnit XML: a suite for each result, a test case for each line of its budget."""
    from rtdeploy.report.suites import render

    return render(results)


def terminal(result: "Result") -> "RenderableType":
    """What rich prints: the verdict, its reasons, the budget against what was measured."""
    from rtdeploy.report.screen import Screen

    return Screen(result)


def compared(comparison: "Comparison") -> "RenderableType":
    """What rich prints of a comparison."""
    from rtdeploy.report.versus import Versus

    return Versus(comparison)


def ceiling_terminal(capacity: "Capacity") -> "RenderableType":
    """What rich prints of a capacity."""
    from rtdeploy.report.ceiling import Ceiling

    return Ceiling(capacity)


def ceiling_html(capacity: "Capacity") -> str:
    """One self-contained page about a capacity, with latency against load."""
    from rtdeploy.report.curve import render

    return render(capacity)


def ceiling_markdown(capacity: "Capacity") -> str:
    """A capacity for a pull request."""
    from rtdeploy.report.ceiling import markdown as render

    return render(capacity)


def github(result: "Result") -> list[str]:
    """Workflow commands for GitHub Actions, one a line: an annotation for the verdict and for each missed line."""
    from rtdeploy.report.annotations import render

    return render(result)
