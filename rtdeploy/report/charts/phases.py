"""What the time of a request is made of, for a typical one and for a slow one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from rtdeploy.report import words
from rtdeploy.report.charts.axes import Floats
from rtdeploy.report.charts.frame import Frame
from rtdeploy.report.charts.svg import element, group, share

__all__ = ["PARTS", "Composition", "bar", "compositions"]

PARTS = {
    "lag": "waiting to be sent",
    "connect": "connecting",
    "queue": "server: queue",
    "predict": "server: predict",
    "server": "server: the rest",
    "network": "network and unattributed",
    "receive": "first to last byte",
}
"""Part → what it is called; together they are the whole request."""

_UNSPLIT = {
    "lag": PARTS["lag"],
    "connect": PARTS["connect"],
    "network": "server and network",
    "receive": PARTS["receive"],
}
"""The same where the endpoint does not report its own times."""

_AROUND = 0.0025
"""Requests whose rank lies so close to the percentile stand for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """Mean parts in ms of the requests around one percentile; the parts add up to ``total``.

    ``names`` are those of :data:`PARTS`, fewer where the endpoint does not report its own times (``split``).
    """

    name: str
    requests: int
    total: float
    parts: Mapping[str, float]
    names: Mapping[str, str]

    @property
    def split(self) -> bool:
        """Whether server and network could be told apart."""
        return len(self.names) == len(PARTS)


def compositions(frame: Frame) -> tuple[Composition, ...]:
    """Around p50 and around p99 of the answered requests; empty where none was answered."""
    answered = np.flatnonzero(frame.measured & ~frame.failed)
    if not answered.size:
        return ()
    order = answered[np.argsort(frame.latency[answered], kind="stable")]
    return tuple(_composition(frame, order, name, part) for name, part in (("p50", 0.5), ("p99", 0.99)))


def bar(composition: Composition) -> Markup:
    """The parts as a bar of full width, each with its name and time on hover."""
    return element(
        "svg",
        element("title", f"A request around {composition.name}"),
        element("desc", ", ".join(_told(composition))),
        group(_segments(composition)),
        class_="bar",
        role="img",
    )


def _composition(frame: Frame, order: np.ndarray[tuple[int], np.dtype[np.intp]], name: str, part: float) -> Composition:
    count = order.size
    first = min(int(np.floor(count * (part - _AROUND))), count - 1)
    last = max(int(np.ceil(count * (part + _AROUND))), first + 1)
    chosen = order[max(first, 0) : last]
    parts = {key: float(np.mean(values)) for key, values in _parts(frame, chosen).items()}
    names = PARTS if np.isfinite(frame.samples.server[order]).any() else _UNSPLIT
    return Composition(name=name, requests=chosen.size, total=sum(parts.values()), parts=parts, names=names)


def _parts(frame: Frame, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> dict[str, Floats]:
    """Split each request; what no clock accounts for is the network's, and nothing is below zero."""
    samples = frame.samples
    queue, predict, server, connect = (
        np.nan_to_num(values[chosen]) for values in (samples.queue, samples.predict, samples.server, samples.connect)
    )
    parts = {
        "lag": frame.lag[chosen],
        "connect": connect,
        "queue": queue,
        "predict": predict,
        "server": np.maximum(server - queue - predict, 0),
        "receive": np.nan_to_num(np.maximum((samples.done - samples.first_byte)[chosen] * 1e3, 0)),
    }
    known = np.sum(list(parts.values()), axis=0)
    parts["network"] = np.maximum(frame.latency[chosen] - known, 0)
    return {key: parts[key] for key in PARTS}


def _told(composition: Composition) -> Iterator[str]:
    for key, name in composition.names.items():
        if composition.parts[key] > 0:
            yield f"{name} {words.ms(composition.parts[key])}"


def _segments(composition: Composition) -> Iterator[Markup]:
    left = 0.0
    for key, name in composition.names.items():
        width = composition.parts[key] / composition.total if composition.total else 0
        told = element("title", f"{name}: {words.ms(composition.parts[key])} ({words.percent(width)})")
        if width:
            yield element("rect", told, class_=f"part-{key}", x=share(left), y="0", width=share(width), height="100%")
        left += width
