"""Who gets the requests: splitting them between versions, promoting one, going back to the one before."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rtdeploy.deploy.contract import Feature, Observed, Provider, State, Version
from rtdeploy.deploy.desired import desired_of, require_feature
from rtdeploy.deploy.history import Entry, previous_digest
from rtdeploy.deploy.plan import active_of, make_plan
from rtdeploy.deploy.progress import Progress, Silent
from rtdeploy.deploy.rollout import rollout
from rtdeploy.deploy.waiting import Deadline, Pace
from rtdeploy.deploy.watch import Watch
from rtdeploy.errors import RtdeployError, UsageError

if TYPE_CHECKING:
    from rtdeploy.bundle.manifest import Bundle
    from rtdeploy.spec.model import Spec

__all__ = ["promote", "rollback", "split"]

_ANSWERING = (State.READY, State.DEGRADED)


def split(
    provider: Provider,
    target: str,
    weights: Mapping[str, int],
    *,
    progress: Progress | None = None,
    deadline_s: float = 300,
    pace: Pace | None = None,
) -> Observed:
    """Split the traffic of a target and wait until the platform reports it.

    Args:
        provider: The platform.
        target: Name of the target.
        weights: Percentages by version; they sum to 100, and versions that are not named get none.
        progress: Told what is waited for.
        deadline_s: For the change to become visible.
        pace: Pauses.

    Raises:
        UsageError: unknown version, wrong sum, nothing deployed, or the platform cannot split.
        RtdeployError: a version that shall get traffic is not ready.

    """
    watch = _watch(provider, target, progress, deadline_s, pace)
    observed = watch.required()
    _check_weights(weights)
    shares = {name: weight for name, weight in weights.items() if weight}
    for name in weights:
        _check_version(observed, name, gets=weights[name])
    if len(shares) > 1:
        require_feature(provider, Feature.CANARY, remedy=f"rtdeploy traffic {target} {next(iter(shares))}=100")
    watch.move_traffic(shares)
    return watch.required()


def promote(
    provider: Provider,
    target: str,
    *,
    progress: Progress | None = None,
    deadline_s: float = 300,
    pace: Pace | None = None,
) -> Observed:
    """Give the newest version that is ready all traffic and remove the others; harmless where that is so already.

    Raises:
        UsageError: nothing is deployed.
        RtdeployError: no version is ready.

    """
    watch = _watch(provider, target, progress, deadline_s, pace)
    ready = [v for v in watch.required().versions if v.state in _ANSWERING]
    if not ready:
        raise RtdeployError(f"No version of {target} is ready.", remedy=f"rtdeploy status {target}")
    return _leave_only(watch, ready[-1].name)


def rollback(
    provider: Provider,
    target: str,
    *,
    spec: "Spec",
    store: Path,
    history: Sequence[Entry],
    progress: Progress,
    deadline_s: float = 900,
    pace: Pace | None = None,
) -> Observed:
    """Go back to the version that served before.

    Where it still runs it gets the traffic, at once. Else its bundle is rolled out again as any other, with the
    settings that the file has now.

    Args:
        provider: The platform.
        target: Name of the target.
        spec: The file.
        store: Directory of the bundles.
        history: What was done to the target, oldest first.
        progress: Told every step.
        deadline_s: For all of it.
        pace: Pauses.

    Raises:
        UsageError: nothing is deployed.
        RtdeployError: there is nothing to go back to, or its bundle is not in the store any more.
        RolloutError: the rollout of the earlier bundle failed.

    """
    watch = _watch(provider, target, progress, deadline_s, pace)
    observed = watch.required()
    running = _running_before(observed)
    if running is not None:
        progress.step(f"{target}: {running.name} still runs and takes the traffic")
        return _leave_only(watch, running.name)
    bundle = _earlier_bundle(target, store, previous_digest(history, active_of(observed.versions).digest))
    desired = desired_of(spec, target, bundle)
    plan = make_plan(desired, observed, provider)
    return rollout(plan, desired, provider, sample=bundle.sample, progress=progress, deadline_s=deadline_s, pace=pace)


def _watch(provider: Provider, target: str, progress: Progress | None, deadline_s: float, pace: Pace | None) -> Watch:
    return Watch(
        provider=provider,
        target=target,
        progress=progress or Silent(),
        until=Deadline(deadline_s),
        pace=pace or Pace(),
    )


def _running_before(observed: Observed) -> Version | None:
    """The newest version that answers and is older than the newest that has traffic."""
    newest = max((i for i, v in enumerate(observed.versions) if v.weight), default=0)
    older = [v for v in observed.versions[:newest] if v.state in _ANSWERING]
    return older[-1] if older else None


def _earlier_bundle(target: str, store: Path, digest: str | None) -> "Bundle":
    from rtdeploy.bundle.store import find
    from rtdeploy.errors import BundleError

    if digest is None:
        raise RtdeployError(
            f"There is nothing to go back to: the history of {target} knows no earlier bundle.",
            remedy=f"Change the model back and run: rtdeploy deploy {target}",
        )
    try:
        return find(store, digest)
    except BundleError as error:
        raise RtdeployError(
            f"The earlier bundle {digest[:19]} is not in the store any more.",
            remedy=f"Change the model back and run: rtdeploy deploy {target}",
            detail=str(error),
        ) from error


def _leave_only(watch: Watch, version: str) -> Observed:
    watch.move_traffic({version: 100})
    watch.remove_all_but(version)
    return watch.required()


def _check_weights(weights: Mapping[str, int]) -> None:
    remedy = "Give whole percentages that sum to 100, like v1=90 v2=10."
    for name, weight in weights.items():
        if not 0 <= weight <= 100:
            raise UsageError(f"{name}={weight} is not between 0 and 100.", remedy=remedy)
    if sum(weights.values()) != 100:
        shown = " ".join(f"{name}={weight}" for name, weight in weights.items())
        raise UsageError(f"{shown} sums to {sum(weights.values())}, not to 100.", remedy=remedy)


def _check_version(observed: Observed, name: str, *, gets: int) -> None:
    names = [v.name for v in observed.versions]
    if name not in names:
        raise UsageError(f"{observed.target} has no version {name!r}.", remedy=f"There are: {', '.join(names)}.")
    version = observed.versions[names.index(name)]
    if gets and version.state not in _ANSWERING:
        raise RtdeployError(
            f"{name} of {observed.target} is {version.state} and would not answer.",
            remedy=f"rtdeploy status {observed.target}",
            detail=version.detail,
        )
