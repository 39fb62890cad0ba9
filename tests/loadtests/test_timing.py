"""What servers say about their own time, in all the spellings that are allowed."""

import math

import pytest

from rtdeploy_loadtests.timing import parse


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"queue;dur=0.5, batch;dur=0.25, predict;dur=1.25, total;dur=2.5", (2.5, 0.75, 1.25)),
        (b'total;desc="all of it";dur=3', (3.0, None, None)),
        (b"Predict ; dur = 4.5", (4.5, None, 4.5)),
        (b"queue;dur=1,predict;dur=2", (3.0, 1.0, 2.0)),
        (b'cache;desc="hit", total;dur="7"', (7.0, None, None)),
        (b"batch;dur=0, total;dur=1", (1.0, 0.0, None)),
        (b"total;dur=1.2.3", (None, None, None)),
        (b"miss", (None, None, None)),
        (b"", (None, None, None)),
        (b"\xff;dur=;;,,=", (None, None, None)),
    ],
)
def test_server_timing(value: bytes, expected: tuple[float | None, ...]) -> None:
    assert tuple(None if math.isnan(part) else part for part in parse(value)) == expected
