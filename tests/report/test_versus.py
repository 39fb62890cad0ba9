"""A comparison in every format."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from rtdeploy import report
from rtdeploy.bench.comparison import Comparison, Pair
from rtdeploy.bench.result import Result, Verdict

TOLD = (
    "b is slower than a by 3.1 to 4 ms at p99",
    "no difference shown at p50: b takes between 1 ms less and 2 ms more than a",
)


@pytest.fixture
def comparison(result: Result) -> Comparison:
    return Comparison(
        run_id="20261124-184200-3f9a1c",
        started_at="2026-11-24T18:42:00Z",
        scenario_digest="sha256:1c1c",
        names=("a", "b"),
        verdict=Verdict.PASS,
        reasons=("a meets the budget.", "b misses the budget."),
        rounds=20,
        block_s=3.0,
        results=(result, replace(result, verdict=Verdict.FAIL)),
        pairs=(Pair(first="a", second="b", differences=(), told=TOLD),),
    )


def printed(comparison: Comparison, **console: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=100, highlight=False, **console).print(report.compared(comparison))
    return out.getvalue()


def test_the_terminal_says_who_meets_the_budget_then_the_figures_then_the_differences(comparison: Comparison) -> None:
    lines = printed(comparison).splitlines()
    assert lines[0] == "✓ PASS  a against b · 20 rounds of 3 s each"
    assert lines[1].strip() == "a meets the budget."
    assert any(line.split()[:2] == ["b", "1.20"] and "✗ fail" in line for line in lines)
    assert "  B is slower than a by 3.1 to 4 ms at p99." in lines


def test_without_enough_rounds_it_says_that_nothing_is_known(comparison: Comparison) -> None:
    assert "Too few rounds were complete" in printed(replace(comparison, pairs=(), interrupted=True))


def test_the_comment_begins_with_the_comparison(comparison: Comparison) -> None:
    text = report.markdown(comparison.results, comparison)
    assert text.startswith("### ✓ a against b\n\n- a meets the budget.\n- b misses the budget.\n- B is slower than a")
    assert text.count("<details>") == 2


def test_the_page_says_how_they_differ_and_names_them(comparison: Comparison, simulate: Callable[..., Any]) -> None:
    page = report.html([simulate(), simulate(seed=2)], comparison)
    assert "B is slower than a by 3.1 to 4 ms at p99." in page
    assert "20 rounds of 3 s each" in page
    assert "no difference between them is tested here" not in page
    assert "<b>a against b</b>" in page


def test_names_that_try_to_be_markup_stay_names(comparison: Comparison) -> None:
    hostile = replace(comparison, names=("<script>a", "|`b`"), reasons=("<script> is bad.",), pairs=())
    assert "<script>" not in report.markdown(hostile.results, hostile)
    assert "<script>a" in printed(hostile)
