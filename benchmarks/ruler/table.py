"""The stored result as tables: ``python -m benchmarks.ruler.table`` writes them again."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["block", "figures", "line", "with_block", "write"]

_BEGIN, _END = "<!-- begin: generated from result.json -->", "<!-- end: generated from result.json -->"
_DOC = Path(__file__).parents[2] / "docs" / "accuracy.md"
Run = Mapping[str, Any]


def write(document: Mapping[str, Any], folder: Path) -> None:
    """Replace the generated part of the README beside the result and of docs/accuracy.md."""
    for page in (folder / "README.md", _DOC):
        page.write_text(with_block(page.read_text(), document))


def with_block(page: str, document: Mapping[str, Any]) -> str:
    """The page with its generated part made from the document; ValueError where it has none."""
    before, after = page.index(_BEGIN), page.index(_END)
    return page[:before] + block(document) + page[after + len(_END) :]


def block(document: Mapping[str, Any]) -> str:
    """What is generated."""
    parts = [_circumstances(document), figures(document)]
    return "\n\n".join([_BEGIN, *parts, _END])


def figures(document: Mapping[str, Any]) -> str:
    """All tables."""
    return "\n\n".join(
        [
            "### Error of p99 against the truth of the same run",
            _matrix(document, _p99_error),
            "### Error of p50 and of p99.9",
            _matrix(document, _p50_and_p999_error),
            "### Cost: generator CPU per request, µs",
            _matrix(document, _cost),
            "### rtdeploy: what it said of itself",
            _own_word(document),
            "### Every run",
            _every_run(document),
        ]
    )


def line(run: Run) -> str:
    """One run in a line for the terminal."""
    head = f"{run['scenario']} {run['rate_rps']:g}/s {run['tool']}"
    if "failed" in run:
        return f"{head}: {run['failed']}"
    return (
        f"{head}: p99 {_ms(run['reported_ms']['p99'])}, truth {_ms(run['truth_ms']['p99'])} ({_p99_error(run)}), "
        f"{run['offered_rps']:g}/s offered, {run['cpu_us_per_request']:g} µs CPU a request, "
        f"others {run['foreign_cpu_share']:.0%} of a core"
    )


def _circumstances(document: Mapping[str, Any]) -> str:
    machine = document["machine"]
    tools = ", ".join(f"{name} {version}" for name, version in document["tools"].items() if version)
    first = ", tools with real-time priority" if document["tools_real_time"] else ""
    missing = f" Not here: {', '.join(document['missing'])}." if document["missing"] else ""
    return (
        f"{document['started_at'][:10]}, one run of {document['took_s']} s, "
        f"{machine['cores']} cores ({machine['cpu']}), "
        f"kernel {machine['kernel']}, Python {machine['python']}; "
        f"load average before {machine['load_before'][0]}{first}. "
        f"{tools}.{missing}"
    )


def _matrix(document: Mapping[str, Any], cell: Any) -> str:
    tools = [name for name in document["tools"] if any(run["tool"] == name for run in document["runs"])]
    found = {(run["tool"], run["scenario"], run["rate_rps"]): run for run in document["runs"]}
    rows = sorted({(run["scenario"], run["rate_rps"]) for run in document["runs"]})
    body = (
        [f"{scenario}, {rate:g}/s", *(_cell(found.get((tool, scenario, rate)), cell) for tool in tools)]
        for scenario, rate in rows
    )
    return _table(["scenario", *tools], body)


def _cell(run: Run | None, cell: Any) -> str:
    if run is None:
        return ""
    return "failed" if "failed" in run else str(cell(run))


def _p99_error(run: Run) -> str:
    return _error(run, "p99")


def _p50_and_p999_error(run: Run) -> str:
    return f"{_error(run, 'p50')}; {_error(run, 'p999')}"


def _error(run: Run, name: str) -> str:
    """Relative, and absolute in parentheses; a truth of infinity is a share of failures beyond the percentile."""
    reported, truth = run["reported_ms"][name], run["truth_ms"][name]
    if reported is None or truth is None:
        return ""
    difference = reported - truth
    relative = f"{difference / truth:+.1%} " if truth > 0.05 else ""
    return f"{relative}({difference:+.2f} ms)"


def _cost(run: Run) -> str:
    return f"{run['cpu_us_per_request']:.0f}"


def _own_word(document: Mapping[str, Any]) -> str:
    rows = (
        [
            f"{run['scenario']}, {run['rate_rps']:g}/s",
            str(run["said"].get("verdict")),
            _ms(run["said"].get("lag_p99_ms")),
            _share(run["said"].get("cpu_share")),
            f"{run['errors']} ({run['true_errors']})",
            " ".join(run["said"].get("reasons", ())).replace("|", "/"),
        ]
        for run in document["runs"]
        if run.get("said")
    )
    return _table(["scenario", "verdict", "schedule lag p99", "CPU share", "errors (true)", "reasons"], rows)


def _every_run(document: Mapping[str, Any]) -> str:
    endless = {(t["scenario"], t["rate_rps"], t["arrivals"]): t["p99"] for t in document["truth"]}
    rows = (
        [
            run["tool"],
            f"{run['scenario']}, {run['rate_rps']:g}/s",
            *(_ms(run["reported_ms"][name]) for name in ("p50", "p99", "p999")),
            *(_ms(run["truth_ms"][name]) for name in ("p50", "p99", "p999")),
            _ms(endless[run["scenario"], run["rate_rps"], run["arrivals"]]),
            _ms(run["served_ms"]["p99"]),
            f"{run['offered_rps']:.0f}",
            f"{run['foreign_cpu_share']:.0%}, {run['stolen_cpu_share']:.1%}",
        ]
        for run in document["runs"]
        if "failed" not in run
    )
    head = ["tool", "scenario", "p50", "p99", "p99.9", "true p50", "true p99", "true p99.9"]
    return _table([*head, "endless p99", "served p99", "offered/s", "CPU taken by programs, host"], rows)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} ms"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


if __name__ == "__main__":
    write(json.loads(Path(__file__).with_name("result.json").read_text()), Path(__file__).parent)
