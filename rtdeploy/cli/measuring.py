"""bench, report: what an endpoint holds, and showing it again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtdeploy.cli.console import Conversation, emit, print_lines, result_console
from rtdeploy.cli.options import File, Json
from rtdeploy.cli.workspace import HOME, Workspace
from rtdeploy.errors import UsageError
from rtdeploy.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtdeploy.bench import Payloads, Run, Tick
    from rtdeploy.endpoint import Endpoint
    from rtdeploy.spec import Override
    from rtdeploy.spec.model import Budget, Load, Serve

__all__ = ["bench", "bench_version", "report"]

_FILE = Path("rtdeploy.yaml")
_MAX_DURATION = "10m"
_TOLERANCE = "10%"

Html = Annotated[Path | None, typer.Option(help="Write an HTML report here.")]
Junit = Annotated[Path | None, typer.Option(help="Write JUnit XML here.")]
Markdown = Annotated[Path | None, typer.Option(help="Write Markdown for a pull request here.")]
Floor = Annotated[
    bool, typer.Option("--floor/--no-floor", help="Measure the generator's own noise first, for three seconds.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is benched, and where its runs are kept."""

    endpoint: "Endpoint"
    payloads: "Payloads"
    load: "Load"
    budget: "Budget"
    serve: "Serve"
    root: Path
    target: str | None = None
    provider: str | None = None
    bundle_digest: str | None = None


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
    rate: Annotated[str | None, typer.Option(help="Offered rate, like 200/s.")] = None,
    arrivals: Annotated[str | None, typer.Option(help="constant or poisson.")] = None,
    duration: Annotated[str | None, typer.Option(help="Measured time, like 60s.")] = None,
    warmup: Annotated[str | None, typer.Option(help="Time before it that is not measured, like 10s.")] = None,
    protocol: Annotated[str | None, typer.Option(help="rest.")] = None,
    p99: Annotated[str | None, typer.Option(help="Budget for p99, like 80ms.")] = None,
    errors: Annotated[str | None, typer.Option(help="Budget for failed requests, like 0.1%.")] = None,
    engine: Annotated[str, typer.Option(help="auto or locust.")] = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Load generator processes.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the arrival schedule.")] = 1,
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
    subject = _subject(target, url, data, file, _overrides(flags))
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
    _show([run], html=html, junit=junit, markdown=markdown, json=json)
    return ExitCode.INTERRUPTED if run.result.interrupted else run.result.exit_code


def bench_version(work: Workspace, target: str, endpoint: "Endpoint", digest: str, talk: Conversation) -> "Run":
    """Bench one version where it alone answers, by the file's own load and budget."""
    return _measure(_subject_at(work, target, endpoint, digest), talk)


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

    stored = [ruler.read(run, runs=file.resolve().parent / HOME / "runs") for run in runs]
    _show(stored, html=html, junit=junit, markdown=markdown, json=json)


def _duration(duration: str | None, max_duration: str | None, *, until_decided: bool) -> tuple[str, str | None]:
    """Which flag says how long, and what it says."""
    if until_decided:
        if duration is not None:
            raise UsageError("--duration is for runs of a fixed length.", remedy="Use --max-duration.")
        return "--max-duration", max_duration or _MAX_DURATION
    if max_duration is not None:
        raise UsageError("--max-duration goes with --until-decided.", remedy="Use --duration, or add --until-decided.")
    return "--duration", duration


def _overrides(flags: Mapping[str, tuple[str, str | None]]) -> "dict[str, Override]":
    from rtdeploy.spec import Override

    return {path: Override(text=text, source=flag) for path, (flag, text) in flags.items() if text is not None}


def _subject(
    target: str | None, url: str | None, data: Path | None, file: Path, overrides: "Mapping[str, Override]"
) -> _Subject:
    if (target is None) == (url is None):
        raise UsageError(
            "Bench needs either a target or --url.",
            remedy="rtdeploy bench TARGET, or rtdeploy bench --url URL --data FILE",
        )
    if url is not None:
        return _any_endpoint(url, data, file, overrides)
    if data is not None:
        raise UsageError(
            "--data goes with --url.", remedy="Set load.payloads in the file to send other requests to a target."
        )
    assert target is not None
    return _deployed(Workspace.open(file, overrides), target)


def _deployed(work: Workspace, target: str) -> _Subject:
    observed = work.observed(target)
    if observed.endpoint is None:
        raise UsageError(
            f"{target} does not answer: {observed.state}.", remedy=f"rtdeploy status {target}", detail=observed.detail
        )
    active = max(observed.versions, key=lambda version: version.weight)
    return _subject_at(work, target, observed.endpoint, active.digest)


def _subject_at(work: Workspace, target: str, endpoint: "Endpoint", digest: str) -> _Subject:
    from rtdeploy import bench as ruler

    load = work.spec.load
    payloads = (
        ruler.Payloads.read(work.root / load.payloads) if load.payloads else ruler.Payloads.one(work.sample(digest))
    )
    return _Subject(
        endpoint=endpoint,
        payloads=payloads,
        load=load,
        budget=work.spec.budget,
        serve=work.spec.serve,
        root=work.root,
        target=target,
        provider=work.spec.targets[target].provider,
        bundle_digest=digest,
    )


def _any_endpoint(url: str, data: Path | None, file: Path, overrides: "Mapping[str, Override]") -> _Subject:
    from rtdeploy import bench as ruler
    from rtdeploy import spec
    from rtdeploy.endpoint import Endpoint

    if data is None:
        raise UsageError("--url needs --data.", remedy="Name a file that holds one request body.")
    load, budget, serve = spec.measures(file if file.exists() else None, overrides=overrides)
    return _Subject(
        endpoint=Endpoint(url=url),
        payloads=ruler.Payloads.one(_bytes_of(data)),
        load=load,
        budget=budget,
        serve=serve,
        root=file.resolve().parent,
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"Cannot read {path}.", remedy="Name a file that holds one request body.", detail=str(error)
        ) from error


def _measure(subject: _Subject, talk: Conversation, how: _How | None = None) -> "Run":
    from rtdeploy import bench as ruler

    how = how or _How()
    scenario = ruler.scenario_of(
        subject.load,
        subject.serve,
        subject.payloads,
        budget=subject.budget,
        seed=how.seed,
        root=subject.root,
        until_decided=how.until_decided,
    )
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
            progress=lambda tick: talk.waiting(_tick(tick)),
        )


def _tolerance(how: _How) -> float:
    from rtdeploy.spec.units import Ratio

    if how.tolerance is not None and how.baseline is None:
        raise UsageError("--tolerance goes with --baseline.", remedy="Name an earlier run with --baseline.")
    try:
        return Ratio.parse(how.tolerance or _TOLERANCE).share
    except ValueError as error:
        raise UsageError(f"--tolerance: {error}.", remedy=f"Write it like {_TOLERANCE}.") from error


def _tick(tick: "Tick") -> str:
    shown = f"{tick.elapsed_s:.0f}/{tick.planned_s:.0f} s · {tick.done} answered, {tick.errors} errors"
    return shown if tick.p99_ms is None else f"{shown} · p50 {tick.p50_ms:.2f} ms, p99 {tick.p99_ms:.2f} ms"


def _show(runs: "Sequence[Run]", *, html: Path | None, junit: Path | None, markdown: Path | None, json: bool) -> None:
    from rtdeploy import report as reports

    results = [run.result for run in runs]
    if json:
        documents = [result.to_json() for result in results]
        emit(documents[0] if len(documents) == 1 else {"schema": "rtdeploy.runs/1", "runs": documents})
    else:
        for run in runs:
            result_console().print(reports.terminal(run.result))
            print_lines(*_annotations(run), os.path.relpath(run.directory / "result.json"))
    if html is not None:
        _write(html, reports.html(runs))
    if junit is not None:
        _write(junit, reports.junit(results))
    if markdown is not None:
        _write(markdown, reports.markdown(results))


def _annotations(run: "Run") -> list[str]:
    """Workflow commands, where GitHub Actions reads what is printed."""
    from rtdeploy import report as reports

    return reports.github(run.result) if os.environ.get("GITHUB_ACTIONS") == "true" else []


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {path}.", remedy="Name another file.", detail=str(error)) from error
    Conversation().done(f"wrote {path}")
