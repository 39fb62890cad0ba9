"""A capacity in every format."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from rtdeploy import report
from rtdeploy.bench.ceiling import Capacity, Sizing, Step
from rtdeploy.bench.result import Percentiles, Verdict


def step(rate: float, p99: float | None, verdict: Verdict) -> Step:
    return Step(
        rate_rps=rate,
        verdict=verdict,
        reasons=(f"p99 at {rate:g}/s.",),
        requests=1000,
        errors=0 if p99 else 900,
        achieved_rps=rate,
        latency_ms=Percentiles(p50=p99 and p99 / 3, p99=p99),
        p99_ci95_ms=None if p99 is None else (0.9 * p99, 1.2 * p99),
        in_flight=1.0,
        arriving=1.0,
        cpu_share=0.3,
        run_id="20261124-184200-3f9a1c/20261124-184300-aaaaaa",
    )


@pytest.fixture
def found() -> Capacity:
    return Capacity(
        run_id="20261124-184200-3f9a1c",
        started_at="2026-11-24T18:42:00Z",
        target="local",
        provider="process",
        bundle_digest=None,
        scenario={"rate_rps": 100.0},
        budget={"p99_ms": 80.0},
        verdict=Verdict.PASS,
        reasons=("The budget holds up to 300/s and is not shown to hold at 310/s.",),
        rate_rps=300.0,
        fails_rps=310.0,
        steps=(
            step(100.0, 10.0, Verdict.PASS),
            step(400.0, None, Verdict.FAIL),
            step(300.0, 70.0, Verdict.PASS),
            step(310.0, 90.0, Verdict.INCONCLUSIVE),
        ),
        sizing=Sizing(throughput_rps=1000.0, replicas=5),
        environment={"python": "3.11.7"},
    )


def printed(found: Capacity, **console: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=120, highlight=False, **console).print(report.ceiling_terminal(found))
    return out.getvalue()


def test_the_terminal_says_the_rate_then_why_then_every_rate_in_order(found: Capacity) -> None:
    lines = [line.strip() for line in printed(found).splitlines() if line.strip()]
    assert lines[0] == "✓ PASS  local · 300/s within budget"
    assert lines[1].startswith("The budget holds up to 300/s")
    assert [line.split()[0] for line in lines[3:7]] == ["100/s", "300/s", "310/s", "400/s"]
    assert "failed" in lines[6]


def test_a_search_that_found_nothing_says_so(found: Capacity) -> None:
    nothing = replace(found, verdict=Verdict.FAIL, rate_rps=None, sizing=None, steps=(), interrupted=True)
    assert "✗ FAIL  local · no rate is known to hold · interrupted" in printed(nothing)
    assert "No request was answered." in report.ceiling_html(nothing)


def test_the_page_draws_the_curve_and_sizes(found: Capacity) -> None:
    page = report.ceiling_html(found)
    assert "<title>Latency against load</title>" in page
    assert page.count('class="tried') == 3
    assert "5 endpoints" in page
    assert "The highest rate within the budget was found." in page


def test_the_comment_is_a_table(found: Capacity) -> None:
    text = report.ceiling_markdown(found)
    assert text.startswith("### ✓ Capacity of local: 300/s within budget\n\n- The budget holds up to 300/s")
    assert "| 310/s | 310/s | 30.0 ms | 90.0 ms | 81.0 ms to 108 ms | 0 | 1 | inconclusive |" in text


def test_texts_that_try_to_be_markup_stay_texts(found: Capacity) -> None:
    hostile = replace(found, target="<script>|`x`", reasons=("<img src=x>",), environment={"<b>": "<script>"})
    assert "<script>" not in report.ceiling_html(hostile)
    assert "\\<img" in report.ceiling_markdown(hostile)
