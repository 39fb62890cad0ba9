"""The raw measurements of one run, one value per request, as samples.npz keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.layout import Columns
from rtdeploy.bench.statistics import Values

__all__ = ["PENDING", "Samples", "gather"]

PENDING = 65535
"""Outcome of a request that has not come to an end, as the workers write it."""

_MOST_KINDS = 200
_TIMES = ("scheduled", "dispatched", "sent", "first_byte", "done")
_SPANS = ("connect", "server", "queue", "predict")
_PER_REQUEST = (*_TIMES, *_SPANS, "outcome", "measured", "worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Requests in the order of their schedule, those of the warm-up included.

    Attributes:
        scheduled: Seconds from the start of the measured window, like all times here; NaN is never.
        dispatched: When the generator took the request up.
        sent: When its first byte was handed to the socket.
        first_byte: When the first byte of the answer came.
        done: When the last one came.
        connect: Milliseconds that it waited for a new connection, 0 where one was open; NaN is not known, like below.
        server: Milliseconds of work that the server reports.
        queue: Milliseconds of waiting that the server reports.
        predict: Milliseconds in the model that the server reports.
        outcome: Index into ``kinds``; 0 is success.
        kinds: Names of the outcomes.
        measured: 0 for the warm-up.
        worker: Which process sent it.
        cpu_t: Times of the generator's CPU samples.
        cpu_share: Share of a core that a worker took in the second before.

    """

    scheduled: Values
    dispatched: Values
    sent: Values
    first_byte: Values
    done: Values
    connect: npt.NDArray[np.float32]
    server: npt.NDArray[np.float32]
    queue: npt.NDArray[np.float32]
    predict: npt.NDArray[np.float32]
    outcome: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.str_]
    measured: npt.NDArray[np.uint8]
    worker: npt.NDArray[np.uint16]
    cpu_t: Values
    cpu_share: Values

    def __len__(self) -> int:
        return len(self.scheduled)

    @property
    def lag(self) -> Values:
        """Seconds by which the generator itself was late."""
        return self.dispatched - self.scheduled

    @property
    def latency(self) -> Values:
        """Seconds from the scheduled start to the last byte; infinite where the request failed."""
        return np.where(self.outcome == 0, self.done - self.scheduled, np.inf)

    @property
    def service(self) -> Values:
        """Seconds from the actual send to the last byte; infinite where the request failed."""
        return np.where(self.outcome == 0, self.done - self.sent, np.inf)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Self:
        """Some of the requests, all of the CPU samples."""
        parts = {name: getattr(self, name)[chosen] for name in _PER_REQUEST}
        return type(self)(**parts, kinds=self.kinds, cpu_t=self.cpu_t, cpu_share=self.cpu_share)

    def errors(self) -> dict[str, int]:
        """Kind → how many, the most frequent first."""
        counts = np.bincount(self.outcome, minlength=len(self.kinds))
        failed = {str(self.kinds[code]): int(count) for code, count in enumerate(counts) if code and count}
        return dict(sorted(failed.items(), key=lambda item: (-item[1], item[0])))

    def write(self, file: BinaryIO) -> None:
        """Store as a compressed npz with the attributes' names."""
        np.savez_compressed(file, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote; ValueError, OSError or KeyError where it is something else."""
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise ValueError("not an npz archive")  # noqa: TRY004 - the content is wrong, not a type of ours
            samples = cls(**{name: stored[name] for name in cls.__slots__})
        if len({len(getattr(samples, name)) for name in _PER_REQUEST}) != 1:
            raise ValueError("columns of different lengths")
        return samples


def gather(
    workers: Sequence[Columns], names: Mapping[int, str], cpu: Sequence[tuple[float, float]], *, until_s: float
) -> Samples:
    """Merge what the workers have recorded; what was never started is left out.

    Args:
        workers: Their columns.
        names: Outcome codes below 100 → names; a code from 100 on is an HTTP status.
        cpu: Time and share of a core, of all workers.
        until_s: Requests scheduled later do not belong to the run.

    """
    merged: dict[str, npt.NDArray[Any]] = {
        name: np.concatenate([np.asarray(columns[name]) for columns in workers])
        for name in (*_TIMES, *_SPANS, "outcome")
    }
    merged["worker"] = np.repeat(np.arange(len(workers), dtype=np.uint16), [len(c["scheduled"]) for c in workers])
    started = ~np.isnan(merged["dispatched"]) & (merged["outcome"] != PENDING) & (merged["scheduled"] < until_s)
    order = np.flatnonzero(started)[np.argsort(merged["scheduled"][started], kind="stable")]
    merged = {name: values[order] for name, values in merged.items()}
    codes, kinds = _kinds(merged.pop("outcome"), names)
    series = np.array(sorted(cpu), dtype=np.float64).reshape(-1, 2)
    return Samples(
        **merged,
        outcome=codes,
        kinds=kinds,
        measured=(merged["scheduled"] >= 0).astype(np.uint8),
        cpu_t=series[:, 0],
        cpu_share=series[:, 1],
    )


def _kinds(
    outcome: npt.NDArray[np.uint16], names: Mapping[int, str]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.str_]]:
    """Number the kinds from 0 (success) on, in the order of their codes; a flood of odd statuses becomes one kind."""
    seen, places = np.unique(outcome, return_inverse=True)
    failures = [int(code) for code in seen if code]
    labels = ["ok", *(names.get(code, f"http_{code}") for code in failures[:_MOST_KINDS])]
    numbers = {0: 0} | {code: min(place, _MOST_KINDS + 1) for place, code in enumerate(failures, start=1)}
    if len(failures) > _MOST_KINDS:
        labels.append("http_other")
    table = np.array([numbers[int(code)] for code in seen], dtype=np.uint8)
    return table[places], np.array(labels)
