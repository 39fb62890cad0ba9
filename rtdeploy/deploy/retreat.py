"""The way back from a rollout that failed: what served before serves, and what the rollout made is gone."""

from dataclasses import dataclass, replace
from pathlib import Path

from rtdeploy.deploy.contract import Desired, State, digest_of
from rtdeploy.deploy.plan import Action
from rtdeploy.deploy.waiting import PASSING, Deadline
from rtdeploy.deploy.watch import weights_of
from rtdeploy.deploy.work import Work, find
from rtdeploy.errors import BundleError, ConflictError, RtdeployError

__all__ = ["Retreat", "retreat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retreat:
    """Where the target is left: in words, whether that is as it was before, and what stood in the way."""

    complete: bool
    words: str
    detail: str = ""


def retreat(work: Work) -> Retreat:
    """Undo what was begun; a platform that is still busy with the failed change is waited for."""
    if not work.begun:
        return Retreat(complete=True, words="Nothing was changed.")
    until = Deadline(work.watch.pace.clean_up_s)
    back = replace(work, watch=replace(work.watch, until=until, passing=(*PASSING, ConflictError)))
    work.say("going back")
    try:
        return _go_back(back)
    except KeyboardInterrupt:
        return _left_behind(work, "interrupted once more on the way back")
    except RtdeployError as error:
        return _left_behind(work, f"{error.summary}\n{error.detail}".strip())


def _left_behind(work: Work, detail: str) -> Retreat:
    words = f"Going back failed too: {work.plan.version} may still be there, and the traffic may be split."
    return Retreat(complete=False, words=words, detail=f"on the way back: {detail}")


def _go_back(work: Work) -> Retreat:
    plan = work.plan
    if plan.outage:
        work.watch.remove(None)
        return _restore(work)
    if plan.action is Action.CREATE:
        work.watch.remove(None)
        return Retreat(complete=True, words="Nothing is left of it.")
    _restore_settings(work)
    _restore_traffic(work)
    base = find(plan.base, plan.version)
    if plan.action is Action.REPLACE and (base is None or not base.weight):
        work.watch.remove(plan.version)
    return Retreat(complete=True, words=f"{plan.active.name if plan.active else 'What served'} serves as before.")


def _restore_settings(work: Work) -> None:
    active = work.plan.active
    if work.plan.updates and active is not None and active.settings != work.desired.settings:
        earlier = replace(work.desired, settings=dict(active.settings))
        restored = replace(work, desired=earlier)
        restored.update()
        if active.state is State.READY:
            restored.until_ready()


def _restore_traffic(work: Work) -> None:
    base, now = weights_of(work.plan.base), work.watch.observe()
    there = {version.name for version in now.versions} if now else set()
    if sum(base.values()) == 100 and base.keys() <= there:
        work.watch.move_traffic(base)


def _restore(work: Work) -> Retreat:
    """After an outage: make the old version again, where all that it was made of is still there."""
    nothing = f"Nothing serves: {work.plan.target} had been taken down for the change."
    earlier = _earlier(work)
    active = work.plan.active
    if earlier is None or active is None:
        return Retreat(complete=False, words=nothing, detail="what the old version was made of is not here any more")
    # A plan of its own: the old version, made where there is nothing.
    plan = replace(work.plan, version=active.name, base=None, action=Action.CREATE)
    again = replace(work, desired=earlier, plan=plan)
    again.create()
    again.until_ready()
    return Retreat(complete=True, words=f"{active.name} was made again and serves as before.")


def _earlier(work: Work) -> Desired | None:
    active = work.plan.active
    if active is None or (active.environment_digest or digest_of({})) != digest_of(work.desired.environment):
        return None
    bundle = _bundle_of(work.desired, active.digest)
    if bundle is None:
        return None
    return replace(
        work.desired, bundle=bundle, digest=active.digest, settings=dict(active.settings), serve=dict(active.serve)
    )


def _bundle_of(desired: Desired, digest: str) -> Path | None:
    """Find an older bundle beside the new one, in the same store."""
    if digest == desired.digest:
        return desired.bundle
    from rtdeploy.bundle.store import find as find_bundle

    try:
        return find_bundle(desired.bundle.parent, digest).path
    except BundleError:
        return None
