"""What the requests carry: one body, or many that are drawn by weight."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson

from rtdeploy.errors import UsageError

__all__ = ["Payloads"]

_LARGEST = 512 * 2**20
_REMEDY = 'A payload file is JSON Lines: one request body per line, or {"weight": 2, "body": {…}}.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """Request bodies and how often each is sent, relative to the others."""

    bodies: tuple[bytes, ...] = field(repr=False)
    weights: tuple[float, ...] = field(repr=False)

    @classmethod
    def one(cls, body: bytes) -> Self:
        """The same body every time."""
        return cls(bodies=(body,), weights=(1.0,))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read JSON Lines; a line with exactly the keys ``weight`` and ``body`` says how often its body is sent.

        Raises:
            UsageError: The file cannot be read, is empty, too large to be kept in memory, or a line is not JSON.

        """
        try:
            if path.stat().st_size > _LARGEST:
                raise UsageError(f"{path} is larger than 512 MiB.", remedy="Take a sample of its lines.")
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise UsageError(f"Cannot read the payloads {path}.", remedy=_REMEDY, detail=str(error)) from error
        read = [_line(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        if not read:
            raise UsageError(f"{path} has no payloads.", remedy=_REMEDY)
        return cls(bodies=tuple(body for body, _ in read), weights=tuple(weight for _, weight in read))

    @property
    def digest(self) -> str:
        """``sha256:…`` over all bodies and weights in order."""
        whole = hashlib.sha256()
        for body, weight in zip(self.bodies, self.weights, strict=True):
            whole.update(f"{len(body)} {weight!r}\n".encode())
            whole.update(body)
        return "sha256:" + whole.hexdigest()

    def draw(self, count: int, seed: int) -> npt.NDArray[np.uint32]:
        """Which body each of ``count`` requests carries; the same seed draws the same."""
        if len(self.bodies) == 1:
            return np.zeros(count, dtype=np.uint32)
        weights = np.array(self.weights)
        random = np.random.default_rng([seed, len(self.bodies)])
        return random.choice(len(self.bodies), size=count, p=weights / weights.sum()).astype(np.uint32)


def _line(path: Path, number: int, line: bytes) -> tuple[bytes, float]:
    try:
        value: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path}:{number}: not JSON.", remedy=_REMEDY, detail=str(error)) from error
    if not (isinstance(value, dict) and value.keys() == {"weight", "body"}):
        return line.strip(), 1.0
    weight = value["weight"]
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight <= 0:
        raise UsageError(f"{path}:{number}: the weight must be a number above 0.", remedy=_REMEDY)
    return orjson.dumps(value["body"]), float(weight)
