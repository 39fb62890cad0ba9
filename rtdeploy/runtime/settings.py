"""What a server is told: where to listen, and how to treat a request."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any, Literal, Self

from rtdeploy.errors import UsageError

__all__ = ["MEBIBYTE", "ServeSettings", "ServerSettings"]

MEBIBYTE = 2**20
_VARIABLE = "RTDEPLOY_SERVE"
_REMEDY = f"Let rtdeploy deploy set {_VARIABLE}, or unset it."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """The ``serve`` section of rtdeploy.yaml; dots of its flat keys are underscores here.

    Attributes:
        timeout_s: A request that has not been predicted by then is not computed any more.
        concurrency: Predictions at a time; ``auto``: on the event loop where a call is quick, else in one thread.
        queue: Requests that may wait; one more is refused at once.
        batch_max_size: Rows that are predicted together at most; None: each request alone.
        batch_max_wait_s: How long the first of a batch waits for more; 0: only what waits already is taken along.
        fallback_value: The answer while the model cannot give one, output → value.
        fallback_python: ``module:function`` that gives it, dict of arrays → dict of arrays.
        breaker_failures: After so many failures in a row the model is left alone; None: never.
        breaker_reset_s: For so long.

    """

    timeout_s: float = 60.0
    concurrency: int | Literal["auto"] = "auto"
    queue: int = 64
    batch_max_size: int | None = None
    batch_max_wait_s: float = 0.0
    fallback_value: Mapping[str, Any] | None = None
    fallback_python: str | None = None
    breaker_failures: int | None = None
    breaker_reset_s: float = 10.0

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the flat JSON object in ``RTDEPLOY_SERVE``; nothing there means the defaults.

        Raises:
            UsageError: it is not such an object, or a key or a value means nothing here; all of them are named.

        """
        try:
            flat = json.loads(environment.get(_VARIABLE) or "{}")
            given = {key: value for key, value in flat.items() if value is not None}
        except (ValueError, AttributeError, RecursionError) as error:
            raise UsageError(f"{_VARIABLE} is not a JSON object.", remedy=_REMEDY, detail=str(error)) from error
        wrong = [
            f"{key}: {json.dumps(value)} is not {_KEYS[key].words}" if key in _KEYS else f"{key}: unknown"
            for key, value in given.items()
            if key not in _KEYS or not _KEYS[key].holds(value)
        ]
        if {"fallback.value", "fallback.python"} <= given.keys():
            wrong.append("fallback.python: there is a fallback.value already")
        if wrong:
            raise UsageError(f"{_VARIABLE} does not say how to serve.", remedy=_REMEDY, detail="\n".join(wrong))
        return cls(**{key.replace(".", "_"): value for key, value in given.items()})


@dataclass(frozen=True, slots=True)
class _Key:
    """What a value must be."""

    words: str
    holds: Callable[[Any], bool]


def _number(least: float, most: float = inf) -> Callable[[Any], bool]:
    """Above ``least``; what a timer is given must be finite."""
    return lambda value: type(value) in {int, float} and isfinite(value) and least < value <= most


def _count(value: object) -> bool:
    return type(value) is int and value >= 1


_DAY_S = 86400.0
_SECONDS = _Key("a number of seconds above 0", _number(0, _DAY_S))
_COUNT = _Key("a whole number of at least 1", _count)
_KEYS = {
    "timeout_s": _SECONDS,
    "concurrency": _Key('"auto" or a whole number of at least 1', lambda value: value == "auto" or _count(value)),
    "queue": _COUNT,
    "batch.max_size": _COUNT,
    "batch.max_wait_s": _Key("a number of seconds", lambda value: value == 0 or _number(0, _DAY_S)(value)),
    "fallback.value": _Key("an object, output to value", lambda value: isinstance(value, dict) and bool(value)),
    "fallback.python": _Key(
        "like module:function", lambda value: isinstance(value, str) and bool(re.fullmatch(r"[\w.]+:\w+", value))
    ),
    "breaker.failures": _COUNT,
    "breaker.reset_s": _SECONDS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server.

    Attributes:
        bundle: Directory of the bundle.
        host: Address to listen on.
        port: Port to listen on; 0 picks one.
        workers: Processes that share the port.
        control_fd: Inherited socket of a supervisor, which then hands out the sockets to listen on.
        version: What the server calls itself, like ``v3``; ``RTDEPLOY_VERSION`` unless somebody says.
        largest_body: Bytes; a larger body is refused.
        head_timeout_s: How long a client may take to send the head of a request.
        body_timeout_s: How long a client may take to send the body.
        drain_s: How long requests under way may take when the server is told to stop. Platforms kill after 30 s.
        grace_s: How long a connection may idle while the server stops: its client may be about to use it.
        idle_s: How long a connection may be idle otherwise.

    Raises:
        UsageError: a value is out of range, or two exclude each other.

    """

    bundle: Path
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    control_fd: int | None = None
    version: str = field(default_factory=lambda: os.environ.get("RTDEPLOY_VERSION", ""))
    largest_body: int = 64 * MEBIBYTE
    head_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    drain_s: float = 25.0
    grace_s: float = 5.0
    idle_s: float = 75.0

    def __post_init__(self) -> None:
        wrong = [
            (not 0 <= self.port <= 65535, f"--port {self.port}", "a number from 0 to 65535"),
            (self.workers < 1, f"--workers {self.workers}", "a number of at least 1"),
            (self.workers > 1 and self.control_fd is not None, "--workers", "one: a supervisor starts them itself"),
            (self.largest_body < 1, f"--largest-body {self.largest_body}", "a number of bytes above 0"),
            *(
                (not 0 < value <= _DAY_S, f"{flag} {value:g}", "a number of seconds above 0")
                for flag, value in (
                    ("--head-timeout", self.head_timeout_s),
                    ("--body-timeout", self.body_timeout_s),
                    ("--drain-timeout", self.drain_s),
                    ("--drain-grace", self.grace_s),
                    ("--idle-timeout", self.idle_s),
                )
            ),
            (
                not re.fullmatch(r"[\x21-\x7e]{0,64}", self.version),
                f"RTDEPLOY_VERSION {self.version!r}",
                "a short word, like v3",
            ),
        ]
        for is_wrong, what, wanted in wrong:
            if is_wrong:
                raise UsageError(f"{what} is not {wanted}.", remedy="Correct it, or leave it out.")
