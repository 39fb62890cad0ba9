"""The permitted elements, their order and attributes are those of Jenkins' junit-10.xsd, written out as a table."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from rtdeploy import report
from rtdeploy.bench.result import Result, Verdict

CHILDREN = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase", "system-out", "system-err"],
    "properties": ["property"],
    "property": [],
    "testcase": ["skipped", "error", "failure"],
    "failure": [],
    "error": [],
}
ATTRIBUTES = {
    "testsuites": ({"name"}, {"time", "tests", "failures", "disabled", "errors"}),
    "testsuite": ({"name", "tests"}, {"failures", "errors", "time", "timestamp", "hostname", "skipped", "id"}),
    "properties": (set(), set()),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname"}, {"time", "status", "assertions"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
}  # fmt: skip

MISSED = {
    "p50_ms": Verdict.PASS,
    "p99_ms": Verdict.FAIL,
    "error_rate": Verdict.PASS,
    "throughput_rps": Verdict.PASS,
}


def check(node: ET.Element) -> None:
    order = [CHILDREN[node.tag].index(child.tag) for child in node]
    required, optional = ATTRIBUTES[node.tag]
    assert order == sorted(order)
    assert required <= set(node.attrib) <= required | optional
    for number in ("tests", "failures", "errors", "skipped"):
        assert node.get(number, "0").isdigit()
    assert re.fullmatch(r"\d+(\.\d+)?", node.get("time", "0"))
    for child in node:
        check(child)


def parsed(*results: Result) -> ET.Element:
    root = ET.fromstring(report.junit(results))
    check(root)
    return root


def kinds(root: ET.Element) -> dict[str | None, str]:
    return {case.get("name"): case[0].tag if len(case) else "passed" for case in root.iter("testcase")}


def test_a_met_budget_is_a_passed_case_for_the_run_and_for_every_line(result: Result) -> None:
    root = parsed(result)

    assert set(kinds(root).values()) == {"passed"}
    assert list(kinds(root))[1:] == ["p50 ≤ 2 ms", "p99 ≤ 80 ms", "error rate ≤ 0.1 %", "throughput ≥ 150/s"]


def test_a_missed_line_is_a_failure_that_says_what_was_measured(result: Result) -> None:
    root = parsed(replace(result, verdict=Verdict.FAIL, verdicts=MISSED, p99_ci95_ms=(90.0, 120.0)))
    failed = root.find(".//testcase[@name='p99 ≤ 80 ms']/failure")

    assert failed is not None
    assert failed.get("type") == "fail"
    assert failed.text == "measured 3.10 ms, 95 % interval 90.0 ms to 120 ms"
    assert kinds(root)["p50 ≤ 2 ms"] == "passed"


@pytest.mark.parametrize(("verdict", "tag"), [(Verdict.INCONCLUSIVE, "failure"), (Verdict.INVALID, "error")])
def test_what_is_not_proven_is_never_a_passed_case(result: Result, verdict: Verdict, tag: str) -> None:
    root = parsed(replace(result, verdict=verdict, p99_ci95_ms=None))

    assert set(kinds(root).values()) == {tag}
    assert {node.get("type") for node in root.iter(tag)} == {verdict.value}


def test_an_interrupted_run_does_not_pass(result: Result) -> None:
    root = parsed(replace(result, interrupted=True))

    assert kinds(root)["the budget is met (interrupted)"] == "failure"


def test_counts_and_time_add_up(result: Result) -> None:
    root = parsed(result, replace(result, verdict=Verdict.INVALID), replace(result, verdict=Verdict.FAIL))

    assert int(root.get("tests", "")) == len(list(root.iter("testcase")))
    assert int(root.get("failures", "")) == len(list(root.iter("failure")))
    assert int(root.get("errors", "")) == len(list(root.iter("error")))
    assert sum(float(case.get("time", "")) for case in root.iter("testcase")) == pytest.approx(3 * 59.97, abs=0.01)


def test_text_that_xml_forbids_is_replaced(hostile: Result) -> None:
    root = parsed(hostile)
    told = root.find(".//testcase/failure")

    assert told is not None
    assert told.text is not None
    assert "<script>" in told.text
    assert "\x1b" not in report.junit([hostile])


def test_every_case_of_a_run_can_be_written(cases: dict[str, Any]) -> None:
    root = parsed(*(run.result for run in cases.values()))

    assert len(root) == len(cases)


def test_a_run_without_a_budget_still_has_its_verdict(result: Result) -> None:
    assert list(kinds(parsed(replace(result, budget={})))) == ["the budget is met"]


def test_a_baseline_is_a_case_of_its_own(regressed: Result) -> None:
    root = parsed(regressed)

    assert kinds(root)["the budget is met"] == "passed"
    assert kinds(root)["no worse than 20261101-000000-aaaaaa"] == "failure"
