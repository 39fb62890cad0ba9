"""How a rollout talks: it says steps and reasons, somebody else renders them."""

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Told what happens, in whole sentences."""

    def step(self, text: str) -> None:
        """Something begins."""

    def waiting(self, text: str) -> None:
        """Still waiting, and for what; the same text may come many times."""

    def done(self, text: str) -> None:
        """It ended well."""


class Silent:
    """Says nothing."""

    def step(self, text: str) -> None:
        """Keep quiet."""

    def waiting(self, text: str) -> None:
        """Keep quiet."""

    def done(self, text: str) -> None:
        """Keep quiet."""
