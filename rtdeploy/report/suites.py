"""JUnit XML, as CI servers read it: a suite for each result, a test case for each line of its budget."""

from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from rtdeploy.bench.result import Result, Verdict
from rtdeploy.report import facts, words
from rtdeploy.report.lines import Line, lines

__all__ = ["render"]


def render(results: Sequence[Result]) -> str:
    """XML with the elements that Jenkins, GitLab, GitHub and Azure agree on.

    The first case of a suite is the verdict on the whole run and carries its time; every other case is one line of
    the budget. What is missed or undecided is a failure, what was not measured validly an error; ``type`` says which.
    """
    root = ET.Element("testsuites", name="rtdeploy bench")
    root.extend(map(_suite, results))
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(result: Result) -> ET.Element:
    cases = [_whole(result), *(_case(result, line) for line in lines(result)), *_against(result)]
    suite = ET.Element(
        "testsuite",
        name=f"rtdeploy.bench.{words.subject(result)}",
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped="0",
        time=_time(result),
        timestamp=words.plain(result.started_at).removesuffix("Z"),
        hostname="localhost",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(result):
        ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(cases)
    return suite


def _whole(result: Result) -> ET.Element:
    name = "the budget is met" if not result.interrupted else "the budget is met (interrupted)"
    verdict = result.verdict
    if result.interrupted and verdict is Verdict.PASS:
        verdict = Verdict.INCONCLUSIVE
    return _judged(result, name, verdict, "\n".join(map(words.plain, result.reasons)), time=_time(result))


def _case(result: Result, line: Line) -> ET.Element:
    interval = f", 95 % interval {line.interval_text}" if line.interval_text else ""
    return _judged(result, line.label, line.verdict, f"measured {line.measured_text}{interval}", time="0")


def _against(result: Result) -> Iterator[ET.Element]:
    known = result.baseline
    if known is not None:
        told = "\n".join(map(words.plain, known.reasons))
        name = f"no worse than {words.plain(known.run_id)}"
        yield _judged(result, name, known.verdict, told, time="0", meaning=words.AGAINST)


def _judged(
    result: Result,
    name: str,
    verdict: Verdict,
    told: str,
    *,
    time: str,
    meaning: Mapping[Verdict, str] = words.MEANING,
) -> ET.Element:
    case = ET.Element("testcase", classname=f"rtdeploy.bench.{words.subject(result)}", name=name, time=time)
    if verdict is not Verdict.PASS:
        kind = "error" if verdict is Verdict.INVALID else "failure"
        ET.SubElement(case, kind, type=verdict.value, message=meaning[verdict]).text = told
    return case


def _properties(result: Result) -> Iterator[tuple[str, str]]:
    yield "run_id", words.plain(result.run_id)
    yield "verdict", result.verdict.value
    yield "interrupted", "yes" if result.interrupted else "no"
    for name, value in facts.key_figures(result):
        yield name.lower(), value
    known = {"scenario": result.scenario, "environment": result.environment, "cost": result.cost}
    yield from facts.flat({"bundle_digest": result.bundle_digest, "scenario_digest": result.scenario_digest}).items()
    yield from facts.flat(known).items()


def _time(result: Result) -> str:
    """Seconds that were measured, from what was offered; a scenario that says nothing counts as none."""
    return f"{result.requests / result.offered_rps if result.offered_rps > 0 else 0:.3f}"
