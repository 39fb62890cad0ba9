"""Leaves a model alone that keeps failing, and then lets one request find out whether it is well again."""

import math
from contextlib import suppress

from circuitbreaker import STATE_CLOSED, CircuitBreaker

from rtdeploy.runtime.settings import ServeSettings

__all__ = ["Breaker"]


class _FailedError(Exception):
    """What the library is told; what the model raised is no business of it."""


class Breaker:
    """A circuit breaker; without ``breaker.failures`` it is always closed."""

    def __init__(self, settings: ServeSettings) -> None:
        self._circuit = (
            None
            if settings.breaker_failures is None
            else CircuitBreaker(failure_threshold=settings.breaker_failures, recovery_timeout=settings.breaker_reset_s)
        )
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether the model is left alone."""
        return self._circuit is not None and bool(self._circuit.opened)

    @property
    def retry_after_s(self) -> int:
        """When to ask again, in whole seconds, at least one."""
        return 1 if self._circuit is None else max(1, math.ceil(self._circuit.open_remaining))

    def admit(self) -> bool:
        """Whether a request may go to the model; half open, one at a time."""
        if self._circuit is None or self._circuit.state == STATE_CLOSED:
            return True
        if self._circuit.opened or self._probing:
            return False
        self._probing = True
        return True

    def failed(self) -> None:
        """The model did not answer."""
        self._probing = False
        if self._circuit is not None:
            with suppress(_FailedError), self._circuit:
                raise _FailedError

    def answered(self) -> None:
        """The model answered."""
        self._probing = False
        if self._circuit is not None and self._circuit.failure_count:
            self._circuit.reset()

    def dropped(self) -> None:
        """The request ended before the model had its chance."""
        self._probing = False
