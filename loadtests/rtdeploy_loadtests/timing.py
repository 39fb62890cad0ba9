"""What a server says about its own time: the ``Server-Timing`` header (W3C Server Timing, section 3)."""

import re

__all__ = ["ServerTime", "parse"]

ServerTime = tuple[float, float, float]
"""Milliseconds: all of the server's work, waiting in it, in the model; NaN where it does not say."""

_METRIC = re.compile(rb"([\w-]+)[^,]*?;\s*dur\s*=\s*\"?([\d.]+)", re.ASCII)
_NAN = float("nan")


def parse(value: bytes) -> ServerTime:
    """Read one header value; without a ``total`` the work is the sum of the parts, waiting is ``queue`` + ``batch``."""
    found = {name.lower(): _number(duration) for name, duration in _METRIC.findall(value)}
    if not found:
        return _NAN, _NAN, _NAN
    queued = found.get(b"queue")
    batched = found.get(b"batch")
    waiting = _NAN if queued is None and batched is None else (queued or 0.0) + (batched or 0.0)
    total = found.get(b"total")
    return (sum(found.values()) if total is None else total), waiting, found.get(b"predict", _NAN)


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return _NAN
