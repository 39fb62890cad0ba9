"""Results of measurements: on the terminal, as one JSON document, and in files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rtdeploy.cli.console import Conversation, emit, print_lines, result_console
from rtdeploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtdeploy.bench import Capacity, Compared, Run, Tick

__all__ = ["show", "show_capacity", "show_comparison", "tick_text"]


def tick_text(tick: "Tick") -> str:
    """How a run is going, on one line."""
    shown = f"{tick.elapsed_s:.0f}/{tick.planned_s:.0f} s · {tick.done} answered, {tick.errors} errors"
    return shown if tick.p99_ms is None else f"{shown} · p50 {tick.p50_ms:.2f} ms, p99 {tick.p99_ms:.2f} ms"


def show(runs: "Sequence[Run]", *, html: Path | None, junit: Path | None, markdown: Path | None, json: bool) -> None:
    """Print runs, or emit them, and write the files that were asked for."""
    from rtdeploy import report as reports

    results = [run.result for run in runs]
    if json:
        documents = [result.to_json() for result in results]
        emit(documents[0] if len(documents) == 1 else {"schema": "rtdeploy.runs/1", "runs": documents})
    else:
        for run in runs:
            result_console().print(reports.terminal(run.result))
            print_lines(*_annotations(run), os.path.relpath(run.directory / "result.json"))
    if html is not None:
        _write(html, reports.html(runs))
    if junit is not None:
        _write(junit, reports.junit(results))
    if markdown is not None:
        _write(markdown, reports.markdown(results))


def show_comparison(
    compared: "Compared", *, html: Path | None, junit: Path | None, markdown: Path | None, json: bool
) -> None:
    """Print a comparison, or emit it, and write the files that were asked for."""
    from rtdeploy import report as reports

    comparison = compared.comparison
    if json:
        emit(comparison.to_json())
    else:
        result_console().print(reports.compared(comparison))
        print_lines(str(compared.directory / "result.json"))
    if html is not None:
        _write(html, reports.html(compared.runs, comparison))
    if junit is not None:
        _write(junit, reports.junit(comparison.results))
    if markdown is not None:
        _write(markdown, reports.markdown(comparison.results, comparison))


def show_capacity(
    capacity: "Capacity", directory: Path, *, html: Path | None, markdown: Path | None, json: bool
) -> None:
    """Print a capacity, or emit it, and write the files that were asked for."""
    from rtdeploy import report as reports

    if json:
        emit(capacity.to_json())
    else:
        result_console().print(reports.ceiling_terminal(capacity))
        print_lines(str(directory / "result.json"))
    if html is not None:
        _write(html, reports.ceiling_html(capacity))
    if markdown is not None:
        _write(markdown, reports.ceiling_markdown(capacity))


def _annotations(run: "Run") -> list[str]:
    """Workflow commands, where GitHub Actions reads what is printed."""
    from rtdeploy import report as reports

    return reports.github(run.result) if os.environ.get("GITHUB_ACTIONS") == "true" else []


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {path}.", remedy="Name another file.", detail=str(error)) from error
    Conversation().done(f"wrote {path}")
