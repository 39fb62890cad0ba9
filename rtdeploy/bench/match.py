"""Several endpoints in one run: they take turns, so that whatever drifts hits all alike."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from rtdeploy.bench.comparison import Comparison, Pair, order, verdict_of
from rtdeploy.bench.difference import Side, differences, side_of, told
from rtdeploy.bench.engine import check, choose
from rtdeploy.bench.figures import Rates
from rtdeploy.bench.floor import floor_of
from rtdeploy.bench.measure import environment_of, kept
from rtdeploy.bench.outcome import Observation, Subject, result_of
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.record import Lane, Progress, Recording, record_lanes
from rtdeploy.bench.rounds import Rounds
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import Budget, Scenario
from rtdeploy.bench.schedule import Times
from rtdeploy.bench.store import Compared, Run, new_id, now, write, write_comparison
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import StoppedError, UsageError

__all__ = ["Contender", "compare"]

_CLOCKS = ("scheduled", "dispatched", "sent", "first_byte", "done")
_LATE_S = 0.1
_FEWEST_ROUNDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One of the endpoints that are compared, under a name that no other has."""

    name: str
    endpoint: Endpoint
    target: str | None = None
    provider: str | None = None
    bundle_digest: str | None = None


def compare(  # noqa: PLR0913 - the question and where the answer goes; all but five have defaults
    contenders: Sequence[Contender],
    payloads: Payloads,
    scenario: Scenario,
    budget: Budget,
    *,
    out: Path,
    workers: int = 1,
    engine: str = "auto",
    floor: bool = True,
    progress: Progress | None = None,
) -> Compared:
    """Send every endpoint the schedule of the scenario, in turns, and say how they differ and which hold the budget.

    Raises:
        UsageError: Fewer than two, or one that a bench would refuse.
        MeasurementError: Nothing could be sent.
        StoppedError: Stopped before one round was complete.
        QuotaError: No room for the samples, or no more processes or files.

    """
    _check(contenders, scenario, budget)
    environment = environment_of(choose(engine), workers)
    started_at, run_id = now(), new_id()
    rounds = Rounds.plan(len(contenders), scenario.duration_s, scenario.warmup_s, scenario.seed)
    with kept(out, run_id) as directory:
        noise = floor_of(payloads, scenario, directory=directory, workers=workers, wanted=floor)
        match = _Match(contenders=contenders, rounds=rounds, own=scenario.schedule(), scenario=scenario)
        recordings = record_lanes(
            match.lanes, payloads, match.whole, directory=directory, workers=workers, progress=progress
        )
        played = match.played(recordings)
        runs = []
        for number, (one, (samples, seen)) in enumerate(zip(contenders, played, strict=True), start=1):
            subject = Subject(
                scenario=scenario,
                budget=budget,
                target=one.target,
                provider=one.provider,
                bundle_digest=one.bundle_digest,
                environment=environment,
                floor=noise,
            )
            result = result_of(subject, seen, run_id=f"{run_id}/{number}", started_at=started_at)
            runs.append(Run(result=result, samples=samples, directory=directory / str(number)))
        comparison = match.comparison(runs, run_id, started_at, rounds.completed(recordings[0].window_s))
        compared = Compared(comparison=comparison, runs=tuple(runs), directory=directory)
        for run in runs:
            run.directory.mkdir()
            write(run)
        write_comparison(compared)
    return compared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """The contenders, the order of play, and the schedule that each plays on a clock of its own."""

    contenders: Sequence[Contender]
    rounds: Rounds
    own: Times
    scenario: Scenario

    @property
    def lanes(self) -> list[Lane]:
        return [
            Lane(endpoint=one.endpoint, times=self.rounds.common(self.own, turn))
            for turn, one in enumerate(self.contenders)
        ]

    @property
    def whole(self) -> Scenario:
        """What the load generator is told: how long all of it lasts."""
        warmup_s = self.scenario.warmup_s * len(self.contenders)
        return replace(self.scenario, warmup_s=warmup_s, duration_s=self.rounds.duration_s)

    def played(self, recordings: Sequence[Recording]) -> list[tuple[Samples, Observation]]:
        """Each contender's samples on its own clock, and what was observed of it."""
        complete = self.rounds.completed(recordings[0].window_s)
        if not complete:
            raise StoppedError("Stopped before one round was complete.", remedy="Run the command again.")
        cpu = _together(recordings)
        found = []
        for lane, recording in zip(self.lanes, recordings, strict=True):
            samples = _on_own_clock(recording.samples, lane.times, self.own, self.rounds, complete)
            found.append((samples, _observed(samples, self.own, self.rounds, complete, replace(recording, cpu=cpu))))
        return found

    def comparison(self, runs: Sequence[Run], run_id: str, started_at: str, complete: int) -> Comparison:
        names, results = tuple(one.name for one in self.contenders), tuple(run.result for run in runs)
        return Comparison(
            run_id=run_id,
            started_at=started_at,
            scenario_digest=self.scenario.digest,
            names=names,
            verdict=verdict_of(results),
            reasons=order(names, results),
            rounds=complete,
            block_s=self.rounds.block_s,
            results=results,
            pairs=_pairs(names, runs, self.rounds, complete, self.scenario.timeout_s),
            interrupted=results[0].interrupted,
        )


def _check(contenders: Sequence[Contender], scenario: Scenario, budget: Budget) -> None:
    if len(contenders) < 2:
        raise UsageError("There is nothing to compare with.", remedy="Name two targets or more.")
    if scenario.until_decided:
        raise UsageError("A comparison has a fixed length.", remedy="Use --duration.")
    for one in contenders:
        check(one.endpoint, replace(scenario, duration_s=scenario.duration_s * len(contenders)), budget)


def _together(recordings: Sequence[Recording]) -> tuple[tuple[float, ...], ...]:
    """CPU of the processes that take turns, as if they were one: while one is at work the others rest."""
    return tuple(
        tuple(sum(shares) for shares in zip(*series, strict=False))
        for series in zip(*(recording.cpu for recording in recordings), strict=True)
    )


def _on_own_clock(samples: Samples, common: Times, own: Times, rounds: Rounds, complete: int) -> Samples:
    """As if the target had been alone; what does not count is marked like a warm-up."""
    row = np.searchsorted(common, samples.scheduled)
    shift = own[row] - samples.scheduled
    times = {name: getattr(samples, name) + shift for name in _CLOCKS} | {"scheduled": own[row]}
    counted = rounds.counts(own[row]) & (rounds.round_of(own[row]) < complete)
    rest = {place.name: getattr(samples, place.name) for place in fields(samples) if place.name not in times}
    return Samples(**rest | times | {"measured": counted.astype(np.uint8)})


def _observed(samples: Samples, own: Times, rounds: Rounds, complete: int, recording: Recording) -> Observation:
    measured = samples.only(samples.measured == 1)
    due = rounds.counts(own) & (rounds.round_of(own) < complete)
    window_s = complete * (rounds.block_s - rounds.discarded_s)
    ends = (rounds.round_of(samples.scheduled) + 1) * rounds.block_s
    begun = (samples.measured == 1) & (samples.dispatched < ends + _LATE_S)
    done = np.nan_to_num(samples.done, nan=-1.0)
    in_time = (done < ends) & rounds.counts(done) & (rounds.round_of(samples.scheduled) < complete)
    return Observation(
        measured=measured,
        window_s=complete * rounds.block_s,
        rates=Rates(
            planned=due.sum() / window_s,
            offered=begun.sum() / window_s,
            achieved=((samples.outcome == 0) & in_time).sum() / window_s,
        ),
        cpu=recording.cpu,
        steal=recording.steal,
        lost=recording.lost,
        interrupted=recording.interrupted,
    )


def _pairs(
    names: Sequence[str], runs: Sequence[Run], rounds: Rounds, complete: int, timeout_s: float
) -> tuple[Pair, ...]:
    """Every target against every other, by the rounds that they have in common."""
    if complete < _FEWEST_ROUNDS:
        return ()
    sides = [_side(run, rounds, complete, timeout_s) for run in runs]
    pairs = []
    for (one, first), (two, second) in combinations(zip(names, sides, strict=True), 2):
        found = differences(first, second, paired=True)
        words = tuple(told(difference, one, two) for difference in found)
        pairs.append(Pair(first=one, second=two, differences=found, told=words))
    return tuple(pairs)


def _side(run: Run, rounds: Rounds, complete: int, timeout_s: float) -> Side:
    measured = run.samples.only(run.samples.measured == 1)
    return side_of(measured, rounds.round_of(measured.scheduled), complete, timeout_s=timeout_s)
