"""Plan → a target that serves what was planned, or the target as it was; nothing in between.

The way of a rollout: look again, make the version, wait until it is ready, compare it with what was asked, send it the
sample, let somebody judge it, give it the traffic, remove what it replaced, and see that nothing is left to do. Until
the traffic is moved every failure leads back (:mod:`rtdeploy.deploy.retreat`); after that it leads forward.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NoReturn

from rtdeploy.deploy.contract import Desired, Endpoint, Feature, Observed, Provider
from rtdeploy.deploy.desired import require_feature
from rtdeploy.deploy.plan import Action, Plan, make_plan
from rtdeploy.deploy.progress import Progress
from rtdeploy.deploy.retreat import retreat
from rtdeploy.deploy.smoke import check_reply, send
from rtdeploy.deploy.waiting import Deadline, Pace, patiently
from rtdeploy.deploy.watch import Watch
from rtdeploy.deploy.work import Work
from rtdeploy.errors import ConflictError, PlatformError, RolloutError, RtdeployError, StoppedError, UsageError

__all__ = ["Judge", "Judgement", "rollout", "sigterm_interrupts"]

_SMOKE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a version may have the traffic, and the words of who said so."""

    ok: bool
    words: str


Judge = Callable[[Endpoint], Judgement]
"""Judges a version by the address where it alone answers, typically with a bench."""


def rollout(  # noqa: PLR0913 - two of them have defaults that tests alone change
    plan: Plan,
    desired: Desired,
    provider: Provider,
    *,
    sample: bytes,
    progress: Progress,
    judge: Judge | None = None,
    canary: int | None = None,
    deadline_s: float = 900,
    pace: Pace | None = None,
) -> Observed:
    """Carry a plan out.

    Args:
        plan: Made from ``desired`` and what was observed.
        desired: What the plan leads to.
        provider: The platform.
        sample: Body of one Open Inference request that the model can answer.
        progress: Told every step, and the reason while waiting.
        judge: Asked before the version gets all traffic; a bad judgement leads back.
        canary: Percentage, 1 to 99, that the version gets before it is judged. Without a judge the sample is sent once
            more under that traffic. Where there is no second version to split with, there is no canary, and
            ``progress`` is told so.
        deadline_s: For all of it but the way back.
        pace: Pauses, and the patience with a platform that lags.

    Returns:
        The target as it is now.

    Raises:
        ConflictError: the target has changed since the plan was made; nothing was done.
        RolloutError: it failed; what served before serves still, or ``summary`` says what could not be restored.
        StoppedError: interrupted, likewise.
        PlatformError: the new version serves, but what it replaced could not be removed.

    """
    _check_canary(canary, provider)
    pace = pace or Pace()
    watch = Watch(provider=provider, target=plan.target, progress=progress, until=Deadline(deadline_s), pace=pace)
    work = Work(plan=plan, desired=desired, watch=watch)
    with sigterm_interrupts():
        try:
            observed = _unchanged(work)
            if observed is not None and plan.empty:
                return observed
            _advance(work, sample, judge, canary)
        except BaseException as error:  # noqa: BLE001 - raised again after the way back
            _fall_back(work, error)
        return _finish(replace(work, watch=replace(watch, until=Deadline(pace.clean_up_s))))


def _check_canary(canary: int | None, provider: Provider) -> None:
    if canary is None:
        return
    if not 0 < canary < 100:
        raise UsageError(f"A canary of {canary} % is not between 1 and 99.", remedy="--canary 10%")
    require_feature(provider, Feature.CANARY, remedy="Deploy without --canary.")


def _advance(work: Work, sample: bytes, judge: Judge | None, canary: int | None) -> None:
    """Go until the version has all traffic."""
    _make(work)
    work.until_ready()
    work.verify()
    _smoke(work, sample)
    _prove(work, sample, judge, canary)
    work.until_traffic_is({work.plan.version: 100})


def _unchanged(work: Work) -> Observed | None:
    """Look again, and refuse a plan that was made from something else."""
    observed = work.watch.observe()
    revision = observed.revision if observed else None
    if revision != work.plan.revision:
        raise ConflictError(
            f"{work.plan.target} has changed since the plan was made.",
            remedy=f"rtdeploy plan {work.plan.target}",
            detail=f"planned from revision {work.plan.revision or '(none)'}, now {revision or '(none)'}",
        )
    return observed


def _make(work: Work) -> None:
    plan = work.plan
    if plan.outage:
        work.say("taking the endpoint down")
        work.begun = True
        work.watch.remove(None)
    if plan.creates:
        work.say(f"making {plan.version}")
        work.create()
    elif plan.updates:
        work.say(f"changing {plan.version}")
        work.update()
    work.begun = True


def _smoke(work: Work, sample: bytes) -> None:
    """Send the sample to the version's own address; an endpoint that is ready may still be waking up."""
    version = work.plan.version
    work.say(f"sending the sample to {version}")

    def ask() -> None:
        endpoint = work.provider.endpoint(work.plan.target, version)
        check_reply(
            send(endpoint, sample, timeout_s=max(1.0, work.watch.until.within(_SMOKE_TIMEOUT_S).left_s)),
            version=version,
        )

    patiently(
        ask, until=work.watch.until.within(work.watch.pace.smoke_s), pace=work.watch.pace, progress=work.watch.progress
    )


def _prove(work: Work, sample: bytes, judge: Judge | None, canary: int | None) -> None:
    """Let the version show what it is worth, with a part of the traffic where that was asked for."""
    if canary is not None:
        _give_canary(work, sample, canary, judged=judge is not None)
    if judge is None:
        return
    work.say(f"judging {work.plan.version}")
    judgement = judge(work.pinned())
    if not judgement.ok:
        raise RolloutError(
            f"{work.plan.version} was judged and found wanting: {judgement.words}",
            remedy="Make it meet the budget, or the budget meet the need, and deploy again.",
        )
    work.say(f"{judgement.words}")


def _give_canary(work: Work, sample: bytes, canary: int, *, judged: bool) -> None:
    weights = work.canary_weights(canary)
    if weights is None:
        work.say("no canary, for nothing else is ready to share the traffic with")
        return
    work.say(f"giving {work.plan.version} {canary} % of the traffic")
    work.until_traffic_is(weights)
    if not judged:
        _smoke(work, sample)


def _fall_back(work: Work, error: BaseException) -> NoReturn:
    """Lead back to what was, and say both what happened and where that left the target."""
    if isinstance(error, RtdeployError) and not work.begun:
        raise error
    stopped = isinstance(error, KeyboardInterrupt)
    tail = work.log_tail() if work.begun and not stopped else ""
    left = retreat(work)
    target, version = work.plan.target, work.plan.version
    again = f"rtdeploy deploy {target}" if left.complete else f"rtdeploy gc {target}, or rtdeploy deploy {target}"
    if stopped:
        raise StoppedError(f"Stopped. {left.words}", remedy=f"{again} starts it again.", detail=left.detail) from error
    if not isinstance(error, RtdeployError):
        raise error
    raise RolloutError(
        f"{version} of {target} was not rolled out: {error.summary} {left.words}",
        remedy=error.remedy if left.complete else again,
        detail=_join(error.detail, tail, left.detail),
    ) from error


def _join(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _finish(work: Work) -> Observed:
    """Remove what was replaced; from here on the way leads forward."""
    target, version = work.plan.target, work.plan.version
    try:
        work.watch.remove_all_but(version)
        observed = _confirmed(work)
    except KeyboardInterrupt as error:
        raise StoppedError(
            f"Stopped. {version} of {target} serves; what it replaced may still be there.",
            remedy=f"rtdeploy gc {target}",
        ) from error
    except PlatformError as error:
        raise type(error)(
            f"{version} of {target} serves, but the rollout could not be finished: {error.summary}",
            remedy=f"rtdeploy gc {target}",
            detail=error.detail,
        ) from error
    work.watch.progress.done(f"{target}: {version} serves.")
    return observed


def _confirmed(work: Work) -> Observed:
    """See that a new plan would be empty; a platform may lag, but not for ever."""
    work.until_ready()
    return work.settled(lambda observed: _rest(work, observed))


def _rest(work: Work, observed: Observed | None) -> str:
    plan = make_plan(work.desired, observed, work.provider)
    if plan.action is Action.CREATE:
        return f"{work.plan.target} is absent"
    if observed is not None and plan.empty and observed.endpoint is None:
        return "it is ready without an endpoint"
    return "\n".join(map(str, plan.changes))


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does; signals reach the main thread only, elsewhere this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
