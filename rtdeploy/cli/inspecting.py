"""status, logs, invoke, targets, doctor: looking without changing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtdeploy.cli.console import Conversation, emit, print_lines, result_console
from rtdeploy.cli.options import File, Json, Target
from rtdeploy.cli.workspace import Workspace
from rtdeploy.errors import RtdeployError, UsageError
from rtdeploy.exitcodes import ExitCode

if TYPE_CHECKING:
    from rtdeploy.deploy.contract import Check, Observed

__all__ = ["doctor", "invoke", "logs", "status", "targets"]

_FILE = Path("rtdeploy.yaml")

MaybeTarget = Annotated[str | None, typer.Argument(help="A target of the file; default: all.", show_default=False)]


def status(target: MaybeTarget = None, file: File = _FILE, json: Json = False) -> None:
    """Show what each target serves now."""
    work = Workspace.open(file)
    names = [target] if target else list(work.spec.targets)
    seen = {name: _observe(work, name, alone=target is not None) for name in names}
    if json:
        emit({"schema": "rtdeploy.status/1", "targets": {name: _document(one) for name, one in seen.items()}})
        return
    for name, one in seen.items():
        _print_status(name, one)


def _observe(work: Workspace, target: str, *, alone: bool) -> "Observed | RtdeployError | None":
    """One target's state; where all are listed, one that cannot be reached does not hide the others."""
    try:
        return work.provider(target).observe(target)
    except RtdeployError as error:
        if alone:
            raise
        return error


def _document(seen: "Observed | RtdeployError | None") -> dict[str, Any]:
    if seen is None:
        return {"state": "absent"}
    if isinstance(seen, RtdeployError):
        return {"state": "unknown", "error": seen.summary, "remedy": seen.remedy}
    return {
        "state": str(seen.state),
        "detail": seen.detail,
        "revision": seen.revision,
        "url": seen.endpoint.url if seen.endpoint else None,
        "versions": [
            {"name": v.name, "digest": v.digest, "state": str(v.state), "weight": v.weight, "detail": v.detail}
            for v in seen.versions
        ],
    }


def _print_status(name: str, seen: "Observed | RtdeployError | None") -> None:
    from rich.table import Table

    console = result_console()
    if seen is None:
        console.print(f"{name}: not deployed")
    elif isinstance(seen, RtdeployError):
        console.print(f"{name}: unknown: {seen.summary}\n  → {seen.remedy}", markup=False)
    else:
        where = seen.endpoint.url if seen.endpoint else ""
        console.print(f"{name}: {seen.state}  {where}", markup=False)
        if seen.detail:
            console.print(f"  {seen.detail}", markup=False)
        table = Table("version", "traffic", "state", "digest", "detail", box=None, pad_edge=False, padding=(0, 2, 0, 2))
        for v in seen.versions:
            table.add_row(v.name, f"{v.weight} %", str(v.state), v.digest.removeprefix("sha256:")[:12], v.detail)
        console.print(table)


def logs(
    target: Target,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many to begin with.")] = 100,
    version: Annotated[str | None, typer.Option("--version", help="Of one version only, like v3.")] = None,
    file: Annotated[Path, typer.Option("--file", envvar="RTDEPLOY_FILE", help="The project's file.")] = _FILE,
) -> None:
    """Print what the servers of a target wrote."""
    work = Workspace.open(file)
    work.observed(target)
    for line in work.provider(target).logs(target, version=version, lines=lines, follow=follow):
        print_lines(line)
        sys.stdout.flush()


def invoke(
    target: Target,
    data: Annotated[Path | None, typer.Option(help="A file with the request body; default: the sample.")] = None,
    file: File = _FILE,
    json: Json = False,
) -> ExitCode:
    """Send one request and print the answer."""
    from rtdeploy import deploy

    work = Workspace.open(file)
    observed = work.observed(target)
    if observed.endpoint is None:
        raise UsageError(f"{target} does not answer.", remedy=f"rtdeploy status {target}", detail=observed.detail)
    if data is None:
        active = max(observed.versions, key=lambda version: version.weight)
        body = work.sample(active.digest)
    else:
        body = data.read_bytes()
    reply = deploy.send(observed.endpoint, body, timeout_s=work.spec.serve.timeout.seconds + 5)
    text = reply.body.decode(errors="replace")
    if json:
        emit({"status": reply.status, "ms": reply.ms, "headers": dict(reply.headers), "body": text})
    else:
        print_lines(text)
        Conversation().step(f"{reply.status} in {reply.ms:.1f} ms")
    return ExitCode.OK if reply.ok else ExitCode.FAILED


def targets(file: File = _FILE, json: Json = False) -> None:
    """List the targets of the file and what their platforms can do."""
    from rich.table import Table

    work = Workspace.open(file)
    rows = {name: _features(work, name) for name in work.spec.targets}
    if json:
        emit({"schema": "rtdeploy.targets/1", "targets": rows})
        return
    table = Table("target", "provider", "can", "cannot", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, row in rows.items():
        table.add_row(name, row["provider"], ", ".join(row["can"]) or row.get("error", ""), ", ".join(row["cannot"]))
    result_console().print(table)


def _features(work: Workspace, target: str) -> dict[str, Any]:
    row: dict[str, Any] = {"provider": work.spec.targets[target].provider, "can": [], "cannot": {}}
    try:
        features = work.provider(target).features
    except RtdeployError as error:
        return row | {"error": error.summary}
    row["can"] = [str(feature) for feature, support in features.items() if support.available]
    row["cannot"] = {str(feature): support.note for feature, support in features.items() if not support.available}
    return row


def doctor(target: MaybeTarget = None, file: File = _FILE, json: Json = False) -> ExitCode:
    """Check what each target needs: each line is ok or says what to do."""
    work = Workspace.open(file)
    names = [target] if target else list(work.spec.targets)
    checks = {name: _checks(work, name) for name in names}
    if json:
        emit(
            {
                "schema": "rtdeploy.doctor/1",
                "targets": {n: [_check_document(c) for c in found] for n, found in checks.items()},
            }
        )
    else:
        for name, found in checks.items():
            print_lines(name, *(_check_line(check) for check in found))
    return ExitCode.OK if all(check.ok for found in checks.values() for check in found) else ExitCode.FAILED


def _checks(work: Workspace, target: str) -> "list[Check]":
    from rtdeploy.deploy.contract import Check

    try:
        return list(work.provider(target).check())
    except RtdeployError as error:
        return [Check(name="provider", ok=False, detail=error.summary, remedy=error.remedy)]


def _check_document(check: "Check") -> dict[str, Any]:
    return {"name": check.name, "ok": check.ok, "detail": check.detail, "remedy": check.remedy}


def _check_line(check: "Check") -> str:
    return (
        f"  ok    {check.name}: {check.detail}"
        if check.ok
        else f"  FAIL  {check.name}: {check.detail}\n        → {check.remedy}"
    )
