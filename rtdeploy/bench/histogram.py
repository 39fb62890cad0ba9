"""Latencies as an HdrHistogram, for tools that merge or plot them."""

import numpy as np
from hdrh.histogram import HdrHistogram

from rtdeploy.bench.statistics import Values

__all__ = ["encode"]

_HIGHEST_US = 3_600_000_000
_DIGITS = 3


def encode(latencies_s: Values) -> str:
    """HdrHistogram V2 compressed, base64, microseconds, three significant digits; failed requests are not in it."""
    histogram = HdrHistogram(1, _HIGHEST_US, _DIGITS)
    finite = latencies_s[np.isfinite(latencies_s)]
    microseconds = np.clip(np.rint(finite * 1e6), 1, _HIGHEST_US).astype(np.int64)
    for value, count in zip(*np.unique(microseconds, return_counts=True), strict=True):
        histogram.record_value(int(value), int(count))
    encoded: bytes = histogram.encode()
    return encoded.decode()
