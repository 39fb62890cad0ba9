"""Leaving nothing behind: removing a target, and what crashes, splits and the passing of time have left."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rtdeploy.deploy.contract import Observed, Provider
from rtdeploy.deploy.plan import active_of
from rtdeploy.deploy.progress import Progress, Silent
from rtdeploy.deploy.waiting import Deadline, Pace
from rtdeploy.deploy.watch import Watch

__all__ = ["Swept", "destroy", "gc", "sweep_store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What was removed of one target: its versions, and whether all of it because its time was over."""

    target: str
    versions: tuple[str, ...] = ()
    expired: bool = False


def destroy(
    provider: Provider,
    target: str,
    *,
    progress: Progress | None = None,
    deadline_s: float = 900,
    pace: Pace | None = None,
) -> Observed | None:
    """Remove a target with all that was ever made for it, and confirm that it is gone.

    Harmless where there is nothing. Removing is asked for even of a target that is not observed: a crash may have left
    parts of it that do not show.

    Returns:
        The target as it was.

    Raises:
        DeadlineError: it is still there.

    """
    watch = _watch(provider, target, progress, deadline_s, pace)
    before = watch.observe()
    watch.remove(None)
    return before


def gc(
    provider: Provider,
    target: str,
    *,
    now: datetime | None = None,
    progress: Progress | None = None,
    deadline_s: float = 900,
    pace: Pace | None = None,
) -> Swept:
    """Remove what a target has left over: versions without traffic, and all of it when its ``ttl`` has passed.

    The version with most of the traffic always stays. Call it under the target's lock, or it may remove what a rollout
    is just making.
    """
    watch = _watch(provider, target, progress, deadline_s, pace)
    observed = watch.observe()
    if observed is None:
        return Swept(target=target)
    if observed.expires_at is not None and observed.expires_at <= (now or datetime.now(UTC)):
        watch.progress.step(f"{target}: its time was over at {observed.expires_at.isoformat(timespec='seconds')}")
        watch.remove(None)
        return Swept(target=target, versions=tuple(v.name for v in observed.versions), expired=True)
    return Swept(target=target, versions=_remove_idle(watch, observed))


def _remove_idle(watch: Watch, observed: Observed) -> tuple[str, ...]:
    if not observed.versions:
        return ()
    active = active_of(observed.versions)
    idle = tuple(v.name for v in observed.versions if not v.weight and v is not active)
    for name in idle:
        watch.progress.step(f"{watch.target}: removing {name}, which has no traffic")
        watch.remove(name)
    return idle


def sweep_store(store: Path) -> tuple[Path, ...]:
    """Remove half-made bundles whose maker is dead.

    Args:
        store: Directory of the bundles; nothing is done where it does not exist.

    Returns:
        What was removed.

    """
    from rtdeploy.bundle.store import workspace

    before = _half_made(store)
    if before:
        with workspace(store):  # whoever is about to build sweeps first
            pass
    return tuple(sorted(before - _half_made(store)))


def _half_made(store: Path) -> set[Path]:
    return {path for path in store.glob(".tmp-*") if path.is_dir()}


def _watch(provider: Provider, target: str, progress: Progress | None, deadline_s: float, pace: Pace | None) -> Watch:
    return Watch(
        provider=provider,
        target=target,
        progress=progress or Silent(),
        until=Deadline(deadline_s),
        pace=pace or Pace(),
    )
