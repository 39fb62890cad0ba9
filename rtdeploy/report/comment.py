"""Markdown for a pull request: a table of verdicts, the reasons, the details folded away."""

import re
from collections.abc import Iterable, Iterator, Sequence

from rtdeploy.bench.comparison import Comparison
from rtdeploy.bench.result import Result
from rtdeploy.report import facts, reproduce, words
from rtdeploy.report.lines import lines, percentile
from rtdeploy.report.versus import sentences

__all__ = ["escape", "render", "table"]

_PUNCTUATION = re.compile(r"[\\`*_{}\[\]<>|~&!]")
_LINKED = re.compile(r"[@#]|:(?=//)")


def render(results: Sequence[Result], comparison: Comparison | None = None) -> str:
    """Markdown as GitHub and GitLab read it; foreign text cannot become markup, a link or a mention."""
    told = [] if comparison is None else list(_compared(comparison))
    return "\n".join([*told, *_blocks(results)]) + "\n"


def _compared(comparison: Comparison) -> Iterator[str]:
    names = " against ".join(map(escape, comparison.names))
    yield f"### {words.SYMBOL[comparison.verdict]} {names}"
    yield ""
    yield from (f"- {escape(sentence)}" for sentence in (*comparison.reasons, *sentences(comparison)))
    yield ""


def _blocks(results: Sequence[Result]) -> Iterator[str]:
    yield "### Latency budget"
    yield ""
    yield from table(
        ["", "Target", "Requests", "Errors", "p50", "p99", "95 % interval of p99", "Rate"], map(_summary, results)
    )
    for result in results:
        yield ""
        interrupted = " (interrupted)" if result.interrupted else ""
        told = f"{escape(words.subject(result))}: {words.MEANING[result.verdict]}"
        yield f"**{words.SYMBOL[result.verdict]} {told}**{interrupted}"
        yield ""
        yield from (f"- {escape(reason)}" for reason in result.reasons)
        yield from _baseline(result)
        yield from _details(result)


def _baseline(result: Result) -> Iterator[str]:
    against = result.baseline
    if against is not None:
        yield ""
        yield f"**{words.SYMBOL[against.verdict]} {words.AGAINST[against.verdict]}** ({escape(against.run_id)})"
        yield ""
        yield from (f"- {escape(reason)}" for reason in against.reasons)


def _summary(result: Result) -> list[str]:
    low, high = result.p99_ci95_ms or (None, None)
    return [
        f"{words.SYMBOL[result.verdict]} {result.verdict}",
        escape(words.subject(result)),
        words.count(result.requests),
        facts.errors(result),
        words.ms(percentile(result, "p50")),
        words.ms(percentile(result, "p99")),
        words.interval(low, high) or words.NOT_MEASURED,
        words.rate(result.achieved_rps),
    ]


def _details(result: Result) -> Iterator[str]:
    yield ""
    yield "<details><summary>Budget, latency and environment</summary>"
    yield ""
    judged = ([escape(line.label), line.measured_text, line.interval_text, line.verdict] for line in lines(result))
    yield from table(["Budget", "Measured", "95 % interval", "Verdict"], judged)
    yield ""
    yield from table(["Percentile", "From the scheduled start", "From the actual send"], _percentiles(result))
    if result.errors_by_kind:
        yield ""
        kinds = ([escape(kind), words.count(number)] for kind, number in result.errors_by_kind.items())
        yield from table(["Error", "Requests"], kinds)
    yield ""
    yield f"Generator {facts.trust(result)}: {facts.generator(result)}. Offered and achieved: {facts.load(result)}."
    yield ""
    known = facts.flat({"run": result.run_id, "scenario": result.scenario, **result.environment, **_extras(result)})
    yield from table(["Fact", "Value"], ([escape(key), escape(value)] for key, value in known.items()))
    yield ""
    yield f"Reproduce: `{reproduce.command(result).replace('`', '')}`"
    yield ""
    yield "</details>"


def _extras(result: Result) -> dict[str, object]:
    return {"stream_ms": result.stream_ms, "cost": result.cost, "bundle_digest": result.bundle_digest}


def _percentiles(result: Result) -> Iterator[list[str]]:
    sent = dict(facts.percentiles(result.service_ms, failures=result.errors > 0))
    for name, value in facts.percentiles(result.latency_ms, failures=result.errors > 0):
        yield [name, value, sent[name]]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; its cells are escaped already."""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def escape(text: object) -> str:
    """Backslashes stop markup; only a character of no width stops mentions and links, which are made afterwards."""
    return _LINKED.sub("\\g<0>\N{ZERO WIDTH SPACE}", _PUNCTUATION.sub(r"\\\g<0>", words.plain(text)))
