"""Workflow commands that GitHub Actions shows beside a change."""

from collections.abc import Iterator

from rtdeploy.bench.result import Result, Verdict
from rtdeploy.report import words
from rtdeploy.report.lines import lines

__all__ = ["render"]

_LEVEL = {
    Verdict.PASS: "notice",
    Verdict.FAIL: "error",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.INVALID: "error",
}


def render(result: Result) -> list[str]:
    """An annotation for the verdict, then one for every line of the budget that is not met."""
    return list(_annotations(result))


def _annotations(result: Result) -> Iterator[str]:
    name = words.subject(result)
    told = " ".join([words.MEANING[result.verdict], *map(words.plain, result.reasons)])
    yield _command(_LEVEL[result.verdict], f"rtdeploy bench {name}: {result.verdict}", told)
    against = result.baseline
    if against is not None:
        reasons = " ".join(map(words.plain, against.reasons))
        yield _command(_LEVEL[against.verdict], f"{name}: {words.AGAINST[against.verdict]}", reasons)
    for line in lines(result):
        if line.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}:
            interval = f", 95 % interval {line.interval_text}" if line.interval_text else ""
            yield _command(_LEVEL[line.verdict], f"{name}: {line.label}", f"measured {line.measured_text}{interval}")


def _command(level: str, title: str, message: str) -> str:
    """Escaped as the runner's own toolkit does it: data and properties have different rules."""
    title = _escape(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={title}::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
