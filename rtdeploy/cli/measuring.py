"""bench, compare, capacity, report: what an endpoint holds, and showing it again."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtdeploy.cli.console import Conversation
from rtdeploy.cli.options import File, Json
from rtdeploy.cli.showing import show, show_capacity, show_comparison, tick_text
from rtdeploy.cli.subject import Subject, names_of, overrides_of, scenario_of, subject_at, subject_of, subjects_of
from rtdeploy.cli.workspace import HOME, Workspace
from rtdeploy.errors import UsageError
from rtdeploy.exitcodes import ExitCode

if TYPE_CHECKING:
    from rtdeploy.bench import Run
    from rtdeploy.endpoint import Endpoint

__all__ = ["bench", "bench_version", "capacity", "compare", "report"]

_FILE = Path("rtdeploy.yaml")
_MAX_DURATION = "10m"
_TOLERANCE = "10%"

Rate = Annotated[str | None, typer.Option(help="Offered rate, like 200/s.")]
Arrivals = Annotated[str | None, typer.Option(help="constant or poisson.")]
Warmup = Annotated[str | None, typer.Option(help="Time before it that is not measured, like 10s.")]
P99 = Annotated[str | None, typer.Option(help="Budget for p99, like 80ms.")]
Errors = Annotated[str | None, typer.Option(help="Budget for failed requests, like 0.1%.")]
EngineName = Annotated[str, typer.Option(help="auto or locust.")]
Workers = Annotated[int, typer.Option(min=1, help="Load generator processes.")]
Seed = Annotated[int, typer.Option(help="Of the arrival schedule.")]
Html = Annotated[Path | None, typer.Option(help="Write an HTML report here.")]
Junit = Annotated[Path | None, typer.Option(help="Write JUnit XML here.")]
Markdown = Annotated[Path | None, typer.Option(help="Write Markdown for a pull request here.")]
Floor = Annotated[
    bool, typer.Option("--floor/--no-floor", help="Measure the generator's own noise first, for three seconds.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """The flags that say how to measure."""

    seed: int = 1
    workers: int = 1
    engine: str = "auto"
    floor: bool = True
    until_decided: bool = False
    baseline: str | None = None
    tolerance: str | None = None


def bench(
    target: Annotated[str | None, typer.Argument(help="A target of the file.", show_default=False)] = None,
    url: Annotated[str | None, typer.Option(help="Any endpoint instead of a target: POST, 2xx is success.")] = None,
    data: Annotated[Path | None, typer.Option(help="The request body for --url.")] = None,
    rate: Rate = None,
    arrivals: Arrivals = None,
    duration: Annotated[str | None, typer.Option(help="Measured time, like 60s.")] = None,
    warmup: Warmup = None,
    protocol: Annotated[str | None, typer.Option(help="rest.")] = None,
    p99: P99 = None,
    errors: Errors = None,
    engine: EngineName = "auto",
    workers: Workers = 1,
    seed: Seed = 1,
    floor: Floor = True,
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="End as soon as the budget is decided.")
    ] = False,
    max_duration: Annotated[
        str | None, typer.Option(help="The longest that --until-decided may measure; 10m where not given.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="An earlier run of the same scenario to be no worse than.")
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option(help="How much worse than the baseline it may be; 10% where not given.")
    ] = None,
    html: Html = None,
    junit: Junit = None,
    markdown: Markdown = None,
    file: File = _FILE,
    json: Json = False,
) -> ExitCode:
    """Measure an endpoint under open-loop load, judge it against the budget, report.

    Exit codes: 0 budget met and no worse than the baseline, 3 missed or worse, 4 too little evidence either way,
    5 measurement not valid, 130 interrupted.
    """
    flags = {
        "load.rate": ("--rate", rate),
        "load.arrivals": ("--arrivals", arrivals),
        "load.duration": _duration(duration, max_duration, until_decided=until_decided),
        "load.warmup": ("--warmup", warmup),
        "load.protocol": ("--protocol", protocol),
        "budget.p99": ("--p99", p99),
        "budget.errors": ("--errors", errors),
    }
    subject = subject_of(target, url, data, file, overrides_of(flags))
    how = _How(
        seed=seed,
        workers=workers,
        engine=engine,
        floor=floor,
        until_decided=until_decided,
        baseline=baseline,
        tolerance=tolerance,
    )
    run = _measure(subject, Conversation(), how)
    show([run], html=html, junit=junit, markdown=markdown, json=json)
    return ExitCode.INTERRUPTED if run.result.interrupted else run.result.exit_code


def compare(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Two targets of the file, or more.", show_default=False)
    ] = None,
    url: Annotated[list[str] | None, typer.Option(help="Any endpoints instead of targets, once for each.")] = None,
    data: Annotated[Path | None, typer.Option(help="The request body for --url.")] = None,
    rate: Rate = None,
    arrivals: Arrivals = None,
    duration: Annotated[str | None, typer.Option(help="Measured time of each target, like 60s.")] = None,
    warmup: Warmup = None,
    p99: P99 = None,
    errors: Errors = None,
    engine: EngineName = "auto",
    workers: Workers = 1,
    seed: Seed = 1,
    floor: Floor = True,
    html: Html = None,
    junit: Junit = None,
    markdown: Markdown = None,
    file: File = _FILE,
    json: Json = False,
) -> ExitCode:
    """Measure several endpoints in turns in one run, and say how they differ and which meet the budget.

    Exit codes: 0 one at least meets the budget, 3 none does, 4 too little evidence, 5 measurement not valid.
    """
    from rtdeploy import bench as ruler

    flags = {
        "load.rate": ("--rate", rate),
        "load.arrivals": ("--arrivals", arrivals),
        "load.duration": ("--duration", duration),
        "load.warmup": ("--warmup", warmup),
        "budget.p99": ("--p99", p99),
        "budget.errors": ("--errors", errors),
    }
    subjects = subjects_of(targets or [], url or [], data, file, overrides_of(flags))
    first, talk = subjects[0], Conversation()
    scenario = scenario_of(first, seed=seed)
    with talk.spinning():
        compared = ruler.compare(
            [
                ruler.Contender(
                    name=name,
                    endpoint=subject.endpoint,
                    target=subject.target,
                    provider=subject.provider,
                    bundle_digest=subject.bundle_digest,
                )
                for name, subject in zip(names_of(subjects), subjects, strict=True)
            ],
            first.payloads,
            scenario,
            ruler.budget_of(first.budget),
            out=first.root / HOME / "runs",
            workers=workers,
            engine=engine,
            floor=floor,
            progress=lambda tick: talk.waiting(tick_text(tick)),
        )
    show_comparison(compared, html=html, junit=junit, markdown=markdown, json=json)
    return compared.comparison.exit_code


def capacity(
    target: Annotated[str | None, typer.Argument(help="A target of the file.", show_default=False)] = None,
    url: Annotated[str | None, typer.Option(help="Any endpoint instead of a target.")] = None,
    data: Annotated[Path | None, typer.Option(help="The request body for --url.")] = None,
    rate: Annotated[str | None, typer.Option(help="The rate to begin with, like 200/s.")] = None,
    p99: P99 = None,
    errors: Errors = None,
    throughput: Annotated[str | None, typer.Option(help="What is to be answered in all, like 2000/s.")] = None,
    step: Annotated[str, typer.Option(help="The longest that one rate is measured.")] = "30s",
    max_duration: Annotated[str, typer.Option(help="After which no other rate is tried.")] = "10m",
    engine: EngineName = "auto",
    workers: Workers = 1,
    seed: Seed = 1,
    floor: Floor = True,
    html: Html = None,
    markdown: Markdown = None,
    file: File = _FILE,
    json: Json = False,
) -> ExitCode:
    """Find the highest rate within the budget, and how many endpoints the throughput takes with one of them lost.

    Exit codes: 0 found, 3 no rate holds the budget, 4 time was up before, 5 the generator was the limit.
    """
    from rtdeploy import bench as ruler

    flags = {
        "load.rate": ("--rate", rate),
        "budget.p99": ("--p99", p99),
        "budget.errors": ("--errors", errors),
        "budget.throughput": ("--throughput", throughput),
    }
    limits = ruler.Limits(step_s=_seconds("--step", step), whole_s=_seconds("--max-duration", max_duration))
    subject, talk = subject_of(target, url, data, file, overrides_of(flags)), Conversation()
    with talk.spinning():
        found, directory = ruler.capacity(
            subject.endpoint,
            subject.payloads,
            scenario_of(subject, seed=seed),
            ruler.budget_of(subject.budget),
            out=subject.root / HOME / "runs",
            limits=limits,
            target=subject.target,
            provider=subject.provider,
            bundle_digest=subject.bundle_digest,
            workers=workers,
            engine=engine,
            floor=floor,
            progress=lambda tick: talk.waiting(tick_text(tick)),
            tell=talk.step,
        )
    show_capacity(found, directory, html=html, markdown=markdown, json=json)
    return found.exit_code


def bench_version(work: Workspace, target: str, endpoint: "Endpoint", digest: str, talk: Conversation) -> "Run":
    """Bench one version where it alone answers, by the file's own load and budget."""
    return _measure(subject_at(work, target, endpoint, digest), talk)


def report(
    runs: Annotated[list[str], typer.Argument(help="Run ids, or directories with a result.json.", show_default=False)],
    html: Html = None,
    junit: Junit = None,
    markdown: Markdown = None,
    file: File = _FILE,
    json: Json = False,
) -> None:
    """Render stored results again."""
    from rtdeploy import bench as ruler

    home = file.resolve().parent / HOME / "runs"
    schemas = {ruler.schema_of(run, runs=home) for run in runs}
    if schemas.isdisjoint({"rtdeploy.compare/1", "rtdeploy.capacity/1"}):
        show([ruler.read(run, runs=home) for run in runs], html=html, junit=junit, markdown=markdown, json=json)
    elif len(runs) > 1:
        raise UsageError(
            "A comparison or a capacity is reported alone.", remedy=f"rtdeploy report {runs[0]}, and so on."
        )
    elif "rtdeploy.compare/1" in schemas:
        compared = ruler.read_comparison(runs[0], runs=home)
        show_comparison(compared, html=html, junit=junit, markdown=markdown, json=json)
    elif junit is not None:
        raise UsageError("A capacity has no JUnit form.", remedy="Use --json, --html or --markdown.")
    else:
        found, directory = ruler.read_capacity(runs[0], runs=home)
        show_capacity(found, directory, html=html, markdown=markdown, json=json)


def _duration(duration: str | None, max_duration: str | None, *, until_decided: bool) -> tuple[str, str | None]:
    """Which flag says how long, and what it says."""
    if until_decided:
        if duration is not None:
            raise UsageError("--duration is for runs of a fixed length.", remedy="Use --max-duration.")
        return "--max-duration", max_duration or _MAX_DURATION
    if max_duration is not None:
        raise UsageError("--max-duration goes with --until-decided.", remedy="Use --duration, or add --until-decided.")
    return "--duration", duration


def _measure(subject: Subject, talk: Conversation, how: _How | None = None) -> "Run":
    from rtdeploy import bench as ruler

    how = how or _How()
    scenario = scenario_of(subject, seed=how.seed, until_decided=how.until_decided)
    budget = ruler.budget_of(subject.budget)
    for line in ruler.announce(scenario, budget):
        talk.step(line)
    with talk.spinning():
        return ruler.run(
            subject.endpoint,
            subject.payloads,
            scenario,
            budget,
            out=subject.root / HOME / "runs",
            target=subject.target,
            provider=subject.provider,
            bundle_digest=subject.bundle_digest,
            workers=how.workers,
            engine=how.engine,
            floor=how.floor,
            baseline=None if how.baseline is None else ruler.read(how.baseline, runs=subject.root / HOME / "runs"),
            tolerance=_tolerance(how),
            progress=lambda tick: talk.waiting(tick_text(tick)),
        )


def _seconds(flag: str, text: str) -> float:
    from rtdeploy.spec.units import Duration

    try:
        seconds = Duration.parse(text).seconds
    except ValueError as error:
        raise UsageError(f"{flag}: {error}.", remedy="Write it like 30s.") from error
    if seconds <= 0:
        raise UsageError(f"{flag} must be more than 0.", remedy="Write it like 30s.")
    return seconds


def _tolerance(how: _How) -> float:
    from rtdeploy.spec.units import Ratio

    if how.tolerance is not None and how.baseline is None:
        raise UsageError("--tolerance goes with --baseline.", remedy="Name an earlier run with --baseline.")
    try:
        return Ratio.parse(how.tolerance or _TOLERANCE).share
    except ValueError as error:
        raise UsageError(f"--tolerance: {error}.", remedy=f"Write it like {_TOLERANCE}.") from error
