"""What a report is made from: a result and the raw samples behind it."""
# ruff: noqa: D102, the class says what each of its columns is

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.result import Result

__all__ = ["Floats", "Run", "Samples"]

Floats = npt.NDArray[np.floating[Any]]


class Samples(Protocol):
    """One value per request, in flat arrays; NaN where something never happened or is not known.

    ``scheduled``, ``dispatched`` (taken up by the generator), ``sent`` (first byte on its way), ``first_byte`` and
    ``done`` are seconds from the start of the measured window, negative in the warm-up. ``connect``, ``server``,
    ``queue`` and ``predict`` are milliseconds. ``outcome`` indexes ``kinds``; 0 is a success. ``measured`` is 0 in the
    warm-up. ``cpu_t`` and ``cpu_share`` are the generator's own CPU use.
    """

    @property
    def scheduled(self) -> Floats: ...
    @property
    def dispatched(self) -> Floats: ...
    @property
    def sent(self) -> Floats: ...
    @property
    def first_byte(self) -> Floats: ...
    @property
    def done(self) -> Floats: ...
    @property
    def outcome(self) -> npt.NDArray[np.uint8]: ...
    @property
    def connect(self) -> Floats: ...
    @property
    def server(self) -> Floats: ...
    @property
    def queue(self) -> Floats: ...
    @property
    def predict(self) -> Floats: ...
    @property
    def measured(self) -> npt.NDArray[np.uint8]: ...
    @property
    def cpu_t(self) -> Floats: ...
    @property
    def cpu_share(self) -> Floats: ...


class Run(Protocol):
    """A stored bench."""

    @property
    def result(self) -> Result: ...
    @property
    def samples(self) -> Samples: ...
