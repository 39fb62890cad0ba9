"""What a command measures: a target that is deployed, or any address, with the load and the budget of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rtdeploy.cli.workspace import Workspace
from rtdeploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtdeploy.bench import Payloads, Scenario
    from rtdeploy.endpoint import Endpoint
    from rtdeploy.spec import Override
    from rtdeploy.spec.model import Budget, Load, Serve

__all__ = ["Subject", "names_of", "overrides_of", "scenario_of", "subject_at", "subject_of", "subjects_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
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


def overrides_of(flags: Mapping[str, tuple[str, str | None]]) -> "dict[str, Override]":
    """What flags say instead of the file: path there → (flag, its text)."""
    from rtdeploy.spec import Override

    return {path: Override(text=text, source=flag) for path, (flag, text) in flags.items() if text is not None}


def subject_of(
    target: str | None, url: str | None, data: Path | None, file: Path, overrides: "Mapping[str, Override]"
) -> Subject:
    """A deployed target, or an address; ``UsageError`` for both or neither."""
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


def subjects_of(
    targets: "Sequence[str]",
    urls: "Sequence[str]",
    data: Path | None,
    file: Path,
    overrides: "Mapping[str, Override]",
) -> list[Subject]:
    """Two targets or more, or as many addresses."""
    if len(targets) + len(urls) < 2 or (targets and urls):
        raise UsageError(
            "Compare needs two targets or more, or two addresses.",
            remedy="rtdeploy compare A B, or rtdeploy compare --url URL --url URL --data FILE",
        )
    subjects = [subject_of(target, None, data, file, overrides) for target in targets]
    return subjects + [subject_of(None, url, data, file, overrides) for url in urls]


def names_of(subjects: "Sequence[Subject]") -> list[str]:
    """A name for each that no other has."""
    names: list[str] = []
    for number, subject in enumerate(subjects, start=1):
        name = subject.target or f"url {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return names


def _deployed(work: Workspace, target: str) -> Subject:
    observed = work.observed(target)
    if observed.endpoint is None:
        raise UsageError(
            f"{target} does not answer: {observed.state}.", remedy=f"rtdeploy status {target}", detail=observed.detail
        )
    active = max(observed.versions, key=lambda version: version.weight)
    return subject_at(work, target, observed.endpoint, active.digest)


def subject_at(work: Workspace, target: str, endpoint: "Endpoint", digest: str) -> Subject:
    """One version of a target where it alone answers."""
    from rtdeploy import bench as ruler

    load = work.spec.load
    payloads = (
        ruler.Payloads.read(work.root / load.payloads) if load.payloads else ruler.Payloads.one(work.sample(digest))
    )
    return Subject(
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


def _any_endpoint(url: str, data: Path | None, file: Path, overrides: "Mapping[str, Override]") -> Subject:
    from rtdeploy import bench as ruler
    from rtdeploy import spec
    from rtdeploy.endpoint import Endpoint

    if data is None:
        raise UsageError("--url needs --data.", remedy="Name a file that holds one request body.")
    load, budget, serve = spec.measures(file if file.exists() else None, overrides=overrides)
    return Subject(
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


def scenario_of(subject: Subject, *, seed: int, until_decided: bool = False) -> "Scenario":
    """The load that the file and the flags ask for."""
    from rtdeploy import bench as ruler

    return ruler.scenario_of(
        subject.load,
        subject.serve,
        subject.payloads,
        budget=subject.budget,
        seed=seed,
        root=subject.root,
        until_decided=until_decided,
    )
