"""One self-contained HTML page: the verdict first, then the charts and tables that let a reader doubt it.

The page has no script, loads nothing, and forbids both by its own content security policy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

import rtdeploy
from rtdeploy.bench.comparison import Comparison
from rtdeploy.bench.result import Percentiles, Result
from rtdeploy.bench.store import Run
from rtdeploy.report import facts, reproduce, words
from rtdeploy.report.charts.bullet import bullet
from rtdeploy.report.charts.distribution import overlay
from rtdeploy.report.charts.frame import Bounds, Frame, bounds_of, frame_of
from rtdeploy.report.charts.phases import Composition, bar, compositions
from rtdeploy.report.charts.svg import element, share
from rtdeploy.report.gallery import SECTIONS, draw
from rtdeploy.report.lines import Line, lines
from rtdeploy.report.versus import sentences

__all__ = ["render", "template"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """One kind of error: how many, their share of all requests, and of all errors as a bar."""

    kind: str
    count: str
    share: str
    bar: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What the template shows of one run; ``letter`` is empty where there is only one."""

    letter: str
    name: str
    result: Result
    symbol: str
    meaning: str
    reasons: Sequence[str]
    lines: Sequence[tuple[Line, Markup]]
    figures: Sequence[tuple[str, str]]
    charts: Mapping[str, Markup]
    compositions: Sequence[tuple[Composition, Markup]]
    failures: Sequence[_Failure]
    percentiles: Sequence[tuple[str, str, str]]
    phases: Sequence[tuple[str, str, str, str]]
    generator: str
    command: str
    against: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    """One row of a table of facts: a value per run; ``differs`` where they are not all the same."""

    name: str
    values: Sequence[str]
    differs: bool


def render(runs: Sequence[Run], comparison: Comparison | None = None) -> str:
    """HTML of one run, or of several side by side; ``ValueError`` without any."""
    if not runs:
        raise ValueError("a report needs a run")
    frames = [frame_of(run) for run in runs]
    bounds = bounds_of(frames)
    names = [words.subject(run.result) for run in runs] if comparison is None else comparison.names
    views = [_view(index, frame, bounds, names) for index, frame in enumerate(frames)]
    results = [frame.result for frame in frames]
    return template("report.html.j2").render(
        title=_title(views),
        views=views,
        sections=SECTIONS,
        overlay=overlay(frames, bounds) if len(frames) > 1 else "",
        same_scenario=len({result.scenario_digest for result in results}) == 1,
        comparison=_comparison(views),
        compared=comparison,
        differences=[] if comparison is None else [*map(words.plain, comparison.reasons), *sentences(comparison)],
        scenario=_facts([{"digest": result.scenario_digest, **result.scenario} for result in results]),
        environment=_facts([_surroundings(result) for result in results]),
        extras=_facts([{"stream_ms": result.stream_ms, "cost": result.cost} for result in results]),
        version=rtdeploy.__version__,
    )


def template(name: str) -> Template:
    """One of the pages; what is put in is escaped."""
    environment = Environment(
        loader=PackageLoader("rtdeploy_templates", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ms"] = words.ms
    return environment.get_template(name)


def _view(index: int, frame: Frame, bounds: Bounds, names: Sequence[str]) -> _View:
    result, several = frame.result, len(names) > 1
    return _View(
        letter=_LETTERS[index % len(_LETTERS)] if several else "",
        name=words.plain(names[index]),
        result=result,
        symbol=words.SYMBOL[result.verdict],
        meaning=words.MEANING[result.verdict],
        reasons=[words.plain(reason) for reason in result.reasons],
        lines=[(line, bullet(line)) for line in lines(result)],
        figures=list(facts.key_figures(result)),
        charts=draw(frame, bounds, several=several),
        compositions=[(composition, bar(composition)) for composition in compositions(frame)],
        failures=list(_failures(result)),
        percentiles=list(_percentiles(result)),
        phases=list(_phases(result.phases_ms)),
        generator=facts.generator(result),
        command=reproduce.command(result),
        against=words.AGAINST[result.baseline.verdict] if result.baseline else "",
    )


def _title(views: Sequence[_View]) -> str:
    if len(views) == 1:
        return f"{views[0].result.verdict.capitalize()}: {views[0].name}"
    return f"{len(views)} runs: " + ", ".join(view.name for view in views)


def _failures(result: Result) -> Iterator[_Failure]:
    for kind, number in sorted(result.errors_by_kind.items(), key=lambda pair: -pair[1]):
        part = number / result.errors if result.errors else 0
        filled = element("rect", class_="fill fail", width=share(min(part, 1)), height="8", y="5", rx="2")
        track = element("rect", class_="track", width="100%", height="8", y="5", rx="2")
        title = element("title", f"{words.percent(part)} of all errors")
        drawn = element("svg", title, track, filled, class_="bullet", role="img")
        every = number / result.requests if result.requests else None
        yield _Failure(kind=words.plain(kind), count=words.count(number), share=words.percent(every), bar=drawn)


def _percentiles(result: Result) -> Iterator[tuple[str, str, str]]:
    service = dict(facts.percentiles(result.service_ms, failures=result.errors > 0))
    for name, value in facts.percentiles(result.latency_ms, failures=result.errors > 0):
        yield name, value, service[name]


def _phases(phases: Mapping[str, Percentiles]) -> Iterator[tuple[str, str, str, str]]:
    for name, summary in phases.items():
        yield words.plain(name).replace("_", " "), words.ms(summary.p50), words.ms(summary.p99), words.ms(summary.max)


def _comparison(views: Sequence[_View]) -> list[tuple[str, list[str]]]:
    rows = [[("Verdict", view.result.verdict.value), *view.figures] for view in views]
    return [(cells[0][0], [value for _, value in cells]) for cells in zip(*rows, strict=True)]


def _surroundings(result: Result) -> dict[str, object]:
    known = {
        "run_id": result.run_id,
        "started_at": result.started_at,
        "target": result.target,
        "provider": result.provider,
        "bundle": result.bundle_digest,
    }
    return {**known, **result.environment}


def _facts(sources: Sequence[Mapping[str, object]]) -> list[_Fact]:
    known = [facts.flat(source) for source in sources]
    names = dict.fromkeys(name for flat in known for name in flat)
    rows = ((name, [flat.get(name, words.NOT_MEASURED) for flat in known]) for name in names)
    return [_Fact(name=name, values=values, differs=len(set(values)) > 1) for name, values in rows]
