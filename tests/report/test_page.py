"""What the page says and how large it is; how it looks is for test_browser."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Protocol

import pytest

from rtdeploy import report
from rtdeploy.bench import store
from rtdeploy.bench.result import Percentiles, Result

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Simulate(Protocol):
    def __call__(self, **settings: Any) -> Any: ...


class Strict(HTMLParser):
    """Fails on elements that are not closed in order; collects what the page says."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def parsed(page: str) -> Strict:
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_every_case_gives_a_page_that_is_well_formed(cases: dict[str, Any]) -> None:
    for name, run in cases.items():
        said = " ".join(parsed(report.html([run])).words)
        assert run.result.verdict.capitalize() in said, name
        assert run.result.reasons[0] in said, name
        assert not re.search(r"\b(nan|inf|None)\b", said), name


def test_a_million_requests_fit_in_a_page_that_can_be_mailed(simulate: Simulate) -> None:
    page = report.html([simulate(rate=10_000, duration=100, warmup=2, stall_every=7)])

    assert len(page.encode()) < 1_500_000


def test_the_page_names_nothing_outside_itself(cases: dict[str, Any]) -> None:
    page = report.html(list(cases.values()))
    names = {name for name, _ in parsed(page).attributes}

    assert not names & {"src", "href", "xlink:href", "action", "srcset", "data", "background"}
    assert "url(" not in page
    assert "@import" not in page
    assert "<script" not in page


def test_the_page_forbids_scripts_and_connections_by_its_own_policy(cases: dict[str, Any]) -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in report.html([cases["pass"]])


def test_every_chart_has_a_title_a_description_and_axes_with_units(cases: dict[str, Any]) -> None:
    page = report.html([cases["stalls"]])
    named = re.findall(r'<svg class="plot" role="img"><title>[^<]+</title><desc>[^<]+</desc>', page)

    assert len(named) == page.count('<svg class="plot"') == 5
    assert page.count('class="axis-title x"') == page.count('class="axis-title y"') == 5
    assert set(re.findall(r'class="axis-title [xy]"[^>]*>([^<]+)<', page)) == {
        "scheduled start, s", "latency, ms (log)", "share of requests at or below", "lag, ms (log)", "time, s",
        "requests per second", "CPU, % of a core",
    }  # fmt: skip


def test_runs_of_different_scenarios_are_not_compared_in_silence(cases: dict[str, Any]) -> None:
    same = report.html([cases["pass"], cases["interrupted"]])
    other = cases["stalls"]
    different = replace(other, result=replace(other.result, scenario_digest="sha256:2d"))

    assert "of different scenarios" not in same
    assert "of different scenarios" in report.html([cases["pass"], different])


def test_the_command_line_that_measures_the_same_again_is_there(cases: dict[str, Any]) -> None:
    said = " ".join(parsed(report.html([cases["pass"]])).words)

    assert (
        "rtdeploy bench local --arrivals poisson --rate 100/s --duration 15s --warmup 2s --protocol rest --seed 1 "
        "--p99 80ms --errors 0.1%"
    ) in said


def test_more_is_shown_of_runs_that_know_more(cases: dict[str, Any]) -> None:
    run = cases["pass"]
    streamed = replace(
        run.result, stream_ms={"first_token": {"p50": 12.5}}, cost={"per_million": 3.2, "currency": "EUR"}
    )
    said = parsed(report.html([replace(run, result=streamed)])).words

    assert {"stream_ms.first_token.p50", "12.5", "cost.per_million", "EUR"} <= set(said)


def test_a_result_with_holes_is_still_a_page(cases: dict[str, Any]) -> None:
    run = cases["pass"]
    holes: Result = replace(
        run.result, latency_ms=Percentiles(p50=float("nan")), service_ms=Percentiles(), budget={}, reasons=(),
        phases_ms={}, environment={}, bundle_digest=None, provider=None, target=None, p99_ci95_ms=(None, None),
    )  # fmt: skip
    said = " ".join(parsed(report.html([replace(run, result=holes)])).words)

    assert "No budget was declared." in said
    assert not re.search(r"\b(nan|inf|None)\b", said)


def test_a_stored_run_gives_the_same_page_again(cases: dict[str, Any], tmp_path: Path) -> None:
    run = replace(cases["stalls"], directory=tmp_path)
    store.write(run)

    assert report.html([store.read(tmp_path)]) == report.html([run])


def test_a_report_of_no_run_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a run"):
        report.html([])


def test_the_baseline_is_on_the_first_screen(simulate: Simulate, regressed: Result) -> None:
    run = simulate(baseline=regressed.baseline)
    page = report.html([run])

    assert page.index("Worse than the baseline.") < page.index('<dl class="figures">')
    assert "p99 is worse than the baseline: 3 ms then" in page
