"""The published tables say what the stored result says, no more and no less."""

import json
from pathlib import Path

import pytest

from benchmarks.ruler import table

ROOT = Path(__file__).parents[2]
RUN = {
    "tool": "one",
    "scenario": "short",
    "rate_rps": 1000.0,
    "arrivals": "constant",
    "duration_s": 6.0,
    "foreign_cpu_share": 0.25,
    "stolen_cpu_share": 0.0,
    "reported_ms": {"p50": 0.5, "p99": 1.1, "p999": None},
    "truth_ms": {"p50": 0.4, "p99": 1.0, "p999": None},
    "served_ms": {"p50": 0.4, "p99": 1.0, "p999": None},
    "requests": 6000,
    "errors": 0,
    "true_errors": 0,
    "server": {"requests": 6000, "resets": 0, "late_p99_ms": 0.1, "real_time": True},
    "offered_rps": 1000.4,
    "cpu_us_per_request": 58.6,
    "said": {},
}
DOCUMENT = {
    "started_at": "2026-01-02T03:04:05+00:00",
    "took_s": 60,
    "tools_real_time": False,
    "machine": {"cpu": "x", "cores": 2, "kernel": "6", "python": "3.11", "load_before": [0.1, 0.1, 0.1]},
    "tools": {"one": "1.0", "two": None},
    "missing": ["two"],
    "truth": [{"scenario": "short", "rate_rps": 1000.0, "arrivals": "constant", "p50": 0.4, "p99": 0.8, "p999": 1.0}],
    "runs": [RUN],
}


def test_an_error_is_told_relative_and_absolute() -> None:
    assert "| short, 1000/s | +10.0% (+0.10 ms) |" in table.figures(DOCUMENT)


def test_a_truth_near_nothing_has_no_relative_error() -> None:
    run = RUN | {"truth_ms": {"p50": 0.0, "p99": 0.01, "p999": 0.02}}
    assert "| (+1.09 ms) |" in table.figures(DOCUMENT | {"runs": [run]})


def test_a_run_without_a_result_is_shown_as_failed() -> None:
    run = {name: RUN[name] for name in ("tool", "scenario", "rate_rps", "arrivals")} | {"failed": "sent nothing"}
    assert "| short, 1000/s | failed |" in table.figures(DOCUMENT | {"runs": [run]})


def test_a_tool_that_is_not_here_is_named() -> None:
    assert "Not here: two." in table.block(DOCUMENT)


def test_only_the_generated_part_of_a_page_is_replaced() -> None:
    page = f"before\n{table.block(DOCUMENT)}\nafter\n"
    later = table.with_block(page, DOCUMENT | {"took_s": 61})
    assert later.startswith("before\n")
    assert later.endswith("\nafter\n")
    assert "one run of 61 s" in later
    assert "one run of 60 s" not in later


@pytest.mark.parametrize("page", ["benchmarks/ruler/README.md", "docs/accuracy.md"])
def test_the_published_figures_are_those_of_the_stored_result(page: str) -> None:
    stored = json.loads((ROOT / "benchmarks/ruler/result.json").read_text())
    text = (ROOT / page).read_text()
    assert text == table.with_block(text, stored)
