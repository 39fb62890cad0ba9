"""plan, deploy, traffic, promote, rollback, destroy, gc: what changes a target."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtdeploy.cli.console import Conversation, emit, print_lines
from rtdeploy.cli.options import File, Json, Target, Yes
from rtdeploy.cli.workspace import Workspace
from rtdeploy.errors import UsageError
from rtdeploy.exitcodes import ExitCode

if TYPE_CHECKING:
    from rtdeploy.deploy import Judge
    from rtdeploy.deploy.contract import Observed

__all__ = ["deploy", "destroy", "gc", "plan", "promote", "rollback", "traffic"]

_FILE = Path("rtdeploy.yaml")


def plan(
    target: Target,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 6 where there is something to do.")] = False,
    file: File = _FILE,
    json: Json = False,
) -> ExitCode:
    """Show what deploy would change, field by field; changes nothing."""
    from rtdeploy import deploy as core

    work = Workspace.open(file)
    provider = work.provider(target)
    work.bundle_with_progress(Conversation())
    made = core.make_plan(work.desired(target), provider.observe(target), provider)
    if json:
        emit(made.to_json())
    else:
        print_lines(*made.describe())
    return ExitCode.CHANGES if exit_code and not made.empty else ExitCode.OK


def deploy(
    target: Target,
    yes: Yes = False,
    canary: Annotated[str | None, typer.Option(help="Share of the traffic to begin with, like 10%.")] = None,
    bench: Annotated[bool, typer.Option("--bench", help="Shift traffic only while the budget holds.")] = False,
    timeout: Annotated[str, typer.Option(help="Give up and roll back after this long.")] = "15m",
    file: File = _FILE,
    json: Json = False,
) -> None:
    """Package, plan, confirm, roll out, smoke-test; roll back by itself when something is wrong."""
    from rtdeploy import deploy as core

    share, patience = _percent("--canary", canary), _seconds("--timeout", timeout)
    work = Workspace.open(file)
    talk = Conversation()
    provider = work.provider(target)
    bundle = work.bundle_with_progress(talk)
    made = core.make_plan(work.desired(target), provider.observe(target), provider)
    for line in made.describe():
        talk.step(line)
    if not made.empty:
        _confirm("Roll this out?", yes=yes)
    judge = _judge(work, target, talk) if bench or share is not None else None
    with core.changing(work.home, target, action="deploy", plan=made) as record:
        record.after = core.rollout(
            made,
            work.desired(target),
            provider,
            sample=bundle.sample,
            progress=talk,
            judge=judge,
            canary=share,
            deadline_s=patience,
        )
    _tell(record.after, {"action": str(made.action), "digest": bundle.digest}, json=json)


def traffic(
    target: Target,
    weights: Annotated[
        list[str] | None,
        typer.Argument(help="Shares that sum to 100, like v3=90 v2=10; none: show.", show_default=False),
    ] = None,
    file: File = _FILE,
    json: Json = False,
) -> None:
    """Show or split the traffic between versions."""
    from rtdeploy import deploy as core

    work = Workspace.open(file)
    observed = work.observed(target)
    if weights:
        with core.changing(work.home, target, action="traffic") as record:
            record.before = observed
            record.after = observed = core.split(
                work.provider(target), target, _weights(weights), progress=Conversation()
            )
    shares = {version.name: version.weight for version in observed.versions}
    if json:
        emit({"schema": "rtdeploy.traffic/1", "target": target, "weights": shares})
    else:
        print_lines(*(f"{name} {weight} %" for name, weight in shares.items()))


def promote(target: Target, file: File = _FILE, json: Json = False) -> None:
    """Give the newest version all traffic and remove the others."""
    from rtdeploy import deploy as core

    work = Workspace.open(file)
    with core.changing(work.home, target, action="promote") as record:
        record.before = work.observed(target)
        record.after = core.promote(work.provider(target), target, progress=Conversation())
    _tell(record.after, {"action": "promote"}, json=json)


def rollback(target: Target, yes: Yes = False, file: File = _FILE, json: Json = False) -> None:
    """Go back to the version before: by traffic where it still runs, else by deploying it again."""
    from rtdeploy import deploy as core

    work = Workspace.open(file)
    before = work.observed(target)
    _confirm(f"Roll {target} back?", yes=yes)
    with core.changing(work.home, target, action="rollback") as record:
        record.before = before
        record.after = core.rollback(
            work.provider(target),
            target,
            spec=work.spec,
            store=work.store,
            history=core.History(work.home, target).read(),
            progress=Conversation(),
        )
    _tell(record.after, {"action": "rollback"}, json=json)


def destroy(target: Target, yes: Yes = False, file: File = _FILE, json: Json = False) -> None:
    """Remove everything that was made for a target; what is not there is fine."""
    from rtdeploy import deploy as core

    work = Workspace.open(file)
    provider = work.provider(target)
    _confirm(f"Remove {target} and everything made for it?", yes=yes)
    with core.changing(work.home, target, action="destroy") as record:
        record.before = core.destroy(provider, target, progress=Conversation())
    Conversation().done(f"{target}: nothing is left of it.")
    if json:
        emit({"schema": "rtdeploy.destroy/1", "target": target, "state": "absent"})


def gc(
    target: Annotated[
        str | None, typer.Argument(help="A target of the file; default: all.", show_default=False)
    ] = None,
    file: File = _FILE,
    json: Json = False,
) -> None:
    """Remove what a crash or an expired time to live left behind."""
    from rtdeploy import deploy as core

    work = Workspace.open(file)
    talk = Conversation()
    swept: list[core.Swept] = []
    for name in [target] if target else list(work.spec.targets):
        with core.changing(work.home, name, action="gc") as record:
            swept.append(core.gc(work.provider(name), name, progress=talk))
            record.after = work.provider(name).observe(name)
    stale = core.sweep_store(work.store)
    if json:
        targets = {one.target: {"versions": one.versions, "expired": one.expired} for one in swept}
        emit({"schema": "rtdeploy.gc/1", "targets": targets, "files": [str(path) for path in stale]})
    else:
        print_lines(
            *(f"{one.target}: removed {', '.join(one.versions) or 'nothing'}" for one in swept),
            *(f"removed {path}" for path in stale),
        )


def _judge(work: Workspace, target: str, talk: Conversation) -> "Judge":
    from rtdeploy import deploy as core
    from rtdeploy.cli.measuring import bench_version
    from rtdeploy.endpoint import Endpoint

    def judge(endpoint: Endpoint) -> core.Judgement:
        run = bench_version(work, target, endpoint, work.bundle.digest, talk)
        words = f"{run.result.verdict}: {' '.join(run.result.reasons)} (run {run.result.run_id})"
        return core.Judgement(ok=run.result.verdict.exit_code is ExitCode.OK, words=words)

    return judge


def _tell(observed: "Observed", document: dict[str, Any], *, json: bool) -> None:
    serving = {version.name: version.weight for version in observed.versions}
    url = observed.endpoint.url if observed.endpoint else None
    if json:
        emit({"schema": "rtdeploy.deploy/1", "target": observed.target, "url": url, "versions": serving, **document})
    elif url:
        print_lines(url)


def _confirm(question: str, *, yes: bool) -> None:
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to ask.", remedy="Add --yes to go ahead without asking.")
    if not typer.confirm(question, err=True):
        raise UsageError("Not confirmed; nothing was changed.", remedy="Answer y, or add --yes.")


def _percent(flag: str, text: str | None) -> int | None:
    if text is None:
        return None
    from rtdeploy.spec.units import Ratio

    try:
        share = Ratio.parse(text).share * 100
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", remedy=f"{flag} 10%") from error
    return round(share)


def _seconds(flag: str, text: str) -> float:
    from rtdeploy.spec.units import Duration

    try:
        return Duration.parse(text).seconds
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", remedy=f"{flag} 15m") from error


def _weights(pairs: list[str]) -> dict[str, int]:
    split = [pair.partition("=") for pair in pairs]
    if not all(name and share.isdecimal() for name, _, share in split):
        raise UsageError(f"Not a traffic split: {' '.join(pairs)}", remedy="Write it like v3=90 v2=10.")
    if len({name for name, _, _ in split}) < len(split):
        raise UsageError("A version is named twice.", remedy="Write it like v3=90 v2=10.")
    return {name: int(share) for name, _, share in split}
