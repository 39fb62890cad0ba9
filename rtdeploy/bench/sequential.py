"""Tests that may be looked at while the run goes on: it ends as soon as its budgets are decided.

An ordinary test must be read once. Read every second until it passes, one at 5 % passes three bad endpoints in ten. An
e-process may be read at any time: its expectation is at most 1 as long as the hypothesis holds, so that the chance of
its ever reaching 20 is at most 1 in 20 (Ville's inequality). The one here bets on a share drawn from a Beta
distribution whose mean is the share that is allowed, cut off there: below it against "too many exceed", above it
against "few enough exceed".

It counts independent requests, like the tests of :mod:`rtdeploy.bench.statistics`, so what is counted is divided by the
design effect. A run that has just begun cannot know its own: where nothing has exceeded yet there are no clusters to
see, and a server that stands still every ten seconds looks perfect for nine. So nothing passes before a run without a
single exceeding request would pass in which all requests within a tenth of a second (a 600th of the longest duration,
where that is less) counted as one: for p99 after 37 seconds.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import special

from rtdeploy.bench.figures import clustering
from rtdeploy.bench.result import Verdict
from rtdeploy.bench.scenario import PERCENTILES, Budget
from rtdeploy.bench.statistics import ALPHA, CAUTION, Values, block_length, design_effect

__all__ = ["Seen", "Sequential", "decide", "evidence", "provable"]

_A = 0.5
_PAUSE_S = 0.1
_PAUSE_SHARE = 1 / 600
_PROVED = -math.log(ALPHA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The requests that were due so long ago that each has had the time of every budget.

    Attributes:
        times: Scheduled starts in seconds, ascending.
        latency: Seconds; infinite where a request failed or has no answer yet.
        failed: Came to an end without success.
        waiting: Has not come to an end.
        span_s: How much of the measured window they cover.

    """

    times: Values
    latency: Values
    failed: npt.NDArray[np.bool_]
    waiting: npt.NDArray[np.bool_]
    span_s: float


@dataclass(slots=True, kw_only=True)
class Sequential:
    """The budgets of one run and what has been decided about them; what is decided stays so.

    Attributes:
        budget: Its percentiles and its error rate are decided; a throughput is a matter of the whole run.
        longest_s: How long the run may last.
        decided: Name of a budget → pass or fail.

    """

    budget: Budget
    longest_s: float
    decided: dict[str, Verdict] = field(default_factory=dict)

    @property
    def slowest_s(self) -> float:
        """The largest latency budget: a request that is younger may still hold it."""
        return max(self.budget.latencies().values(), default=0.0) / 1e3

    @property
    def over(self) -> bool:
        """Whether more requests can change nothing: one budget is missed, or all are met that need a proof."""
        return Verdict.FAIL in self.decided.values() or self.needing <= self.decided.keys()

    @property
    def needing(self) -> set[str]:
        """Budgets that only a proof can meet: not an error rate that nobody declared, nor one of 0."""
        needs = set(self.budget.latencies())
        if self.budget.error_rate and self.budget.error_rate_declared:
            needs.add("error_rate")
        return needs

    def look(self, seen: Seen) -> bool:
        """Take in all that has been seen so far, from the start; True once it is :attr:`over`."""
        if len(seen.times):
            for name, most_ms in self.budget.latencies().items():
                self._note(name, self._percentile(seen, PERCENTILES[name], most_ms / 1e3))
            if self.budget.error_rate is not None:
                self._note("error_rate", self._errors(seen, self.budget.error_rate))
        return self.over

    def _note(self, name: str, verdict: Verdict) -> None:
        if verdict is not Verdict.INCONCLUSIVE:
            self.decided.setdefault(name, verdict)

    def _percentile(self, seen: Seen, p: float, most_s: float) -> Verdict:
        likely, most = (
            clustering(seen.latency, seen.times, seen.span_s, p, most_s, caution=caution) for caution in (0.0, CAUTION)
        )
        exceeding = float((seen.latency > most_s).sum())
        return self._decide(seen, (exceeding / likely, exceeding / most), (likely, most), 1 - p)

    def _errors(self, seen: Seen, most: float) -> Verdict:
        """Who waits may still succeed or fail: neither verdict counts on it."""
        block_s = block_length(seen.latency, seen.span_s)
        likely, cautious = (design_effect(seen.failed, seen.times, block_s, caution=c) for c in (0.0, CAUTION))
        failed = float(seen.failed.sum())
        may_fail = failed + float(seen.waiting.sum())
        return self._decide(seen, (failed / likely, may_fail / cautious), (likely, cautious), most)

    def _decide(
        self, seen: Seen, exceeding: tuple[float, float], effects: tuple[float, float], share: float
    ) -> Verdict:
        """``exceeding`` and ``effects``: what counts for a miss, and what counts for a pass."""
        least, most = exceeding
        requests = len(seen.times)
        if decide(least, requests / effects[0], share) is Verdict.FAIL:
            return Verdict.FAIL
        tests = ((most, requests / effects[1]), (0.0, requests / self._unseen(seen)))
        passed = all(decide(*test, share) is Verdict.PASS for test in tests)
        return Verdict.PASS if passed else Verdict.INCONCLUSIVE

    def _unseen(self, seen: Seen) -> float:
        pause_s = min(_PAUSE_S, _PAUSE_SHARE * self.longest_s)
        return max(1.0, pause_s * len(seen.times) / max(seen.span_s, 1e-9))


def provable(share: float, longest_s: float) -> bool:
    """Whether a run of that length, without a single exceeding request, could pass."""
    return decide(0.0, longest_s / min(_PAUSE_S, _PAUSE_SHARE * longest_s), share) is Verdict.PASS


def decide(exceeding: float, requests: float, share: float) -> Verdict:
    """Whether it is proved at 95 %, at whatever moment one looks, that at most ``share`` exceed, or that more do."""
    few, many = evidence(exceeding, requests, share)
    if few >= _PROVED:
        return Verdict.PASS
    return Verdict.FAIL if many >= _PROVED else Verdict.INCONCLUSIVE


def evidence(exceeding: float, requests: float, share: float) -> tuple[float, float]:
    """Logarithms of two e-values: that at most ``share`` of all requests exceed, and that more do.

    With a = 1/2, a / (a+b) = ``share``, k of n exceeding and I the regularised incomplete beta function, the first is
    B(a+k, b+n-k) / B(a, b) · I_share(a+k, b+n-k) / I_share(a, b) / (share^k (1-share)^(n-k)). The second has 1 - I
    in place of I.
    """
    if share == 0:
        return -math.inf, math.inf if exceeding else -math.inf
    a, b = _A, _A / share - _A
    after = (a + exceeding, b + requests - exceeding)
    odds = special.betaln(*after) - special.betaln(a, b)
    odds -= special.xlogy(exceeding, share) + special.xlog1py(requests - exceeding, -share)
    with np.errstate(divide="ignore"):
        few = np.log(special.betainc(*after, share)) - np.log(special.betainc(a, b, share))
        many = np.log(special.betaincc(*after, share)) - np.log(special.betaincc(a, b, share))
    return float(odds + few), float(odds + many)
