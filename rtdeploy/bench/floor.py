"""The generator's noise floor: what it measures when there is nothing to measure."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtdeploy.bench import null
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.record import record
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import Scenario
from rtdeploy.bench.statistics import Values
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import StoppedError

__all__ = ["Floor", "floor_of"]

_SHORTEST_RUN_S = 5.0
_SHARE = 0.1
_LEAST_S, _MOST_S = 1.0, 2.5
_WARMUP_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Requests to a server that does nothing; None with a ``note`` that says why where there are none."""

    measured: Samples | None
    note: str = ""

    @property
    def latencies(self) -> Values:
        """In seconds, ascending; empty where none was measured."""
        return np.zeros(0) if self.measured is None else np.sort(self.measured.latency)


def floor_of(payloads: Payloads, scenario: Scenario, *, directory: Path, workers: int, wanted: bool = True) -> Floor:
    """Send the beginning of a schedule of the same kind, rate and bodies to a server that does nothing.

    It takes a tenth of the run's own duration, a second at least and three in all at most.

    Raises:
        MeasurementError: The load generator or the server does not start.
        StoppedError: A signal asked for an end.

    """
    if not wanted:
        return Floor(measured=None, note="not measured: --no-floor")
    if scenario.duration_s < _SHORTEST_RUN_S:
        return Floor(measured=None, note=f"not measured: the run is shorter than {_SHORTEST_RUN_S:g} s")
    short = replace(scenario, warmup_s=_WARMUP_S, duration_s=min(max(_SHARE * scenario.duration_s, _LEAST_S), _MOST_S))
    if not (short.schedule() >= 0).any():
        return Floor(measured=None, note=f"not measured: no request is due in {short.duration_s:g} s")
    with null.serving() as url:
        recording = record(Endpoint(url=url), payloads, short, directory=directory, workers=workers, progress=None)
    if recording.interrupted:
        raise StoppedError("Stopped before anything was sent.", remedy="Run the command again.")
    return Floor(measured=recording.samples.only(recording.samples.measured == 1))
