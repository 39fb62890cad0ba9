"""What a server is told: where to listen, and how to treat a request."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from rtdeploy.errors import UsageError

__all__ = ["MEBIBYTE", "ServeSettings", "ServerSettings"]

MEBIBYTE = 2**20
_VARIABLE = "RTDEPLOY_SERVE"


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
            UsageError: it is not such an object, or has a key that means nothing here.

        """
        text = environment.get(_VARIABLE, "{}")
        remedy = f"Let rtdeploy deploy set {_VARIABLE}, or unset it."
        try:
            flat = json.loads(text)
            given = {key.replace(".", "_"): value for key, value in flat.items()}
        except (ValueError, AttributeError) as error:
            raise UsageError(f"{_VARIABLE} is not a JSON object.", remedy=remedy, detail=str(error)) from error
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise UsageError(f"{_VARIABLE} has unknown keys: {', '.join(sorted(unknown))}.", remedy=remedy)
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server.

    Attributes:
        bundle: Directory of the bundle.
        host: Address to listen on.
        port: Port to listen on; 0 picks one.
        workers: Processes that share the port.
        control_fd: Inherited socket of a supervisor, which then hands out the sockets to listen on.
        version: What the server calls itself, like ``v3``.
        largest_body: Bytes; a larger body is refused.
        body_timeout_s: How long a client may take to send one.
        drain_s: How long requests under way may take when the server is told to stop.
        idle_s: How long a connection may be idle.

    """

    bundle: Path
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    control_fd: int | None = None
    version: str = ""
    largest_body: int = 64 * MEBIBYTE
    body_timeout_s: float = 30.0
    drain_s: float = 30.0
    idle_s: float = 75.0
