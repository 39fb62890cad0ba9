"""What a loaded model can do, whichever library is behind it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeAlias

import numpy as np

from rtdeploy.bundle.signature import Array, Signature

__all__ = ["LoadedModel", "Stream", "as_objects", "as_text"]

Stream: TypeAlias = Callable[[Mapping[str, Array]], Iterator[Mapping[str, Array]]]


class LoadedModel(Protocol):
    """A model that answers requests.

    ``predict`` takes and returns one array per tensor of the signature, BYTES as ``object`` arrays; it may be called
    from several threads. ``stream`` yields partial answers; it is None where the model has none.
    """

    @property
    def signature(self) -> Signature:
        """Inputs and outputs, in order."""

    @property
    def stream(self) -> Stream | None:
        """Partial answers, where the model gives them."""

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Answer one request."""

    def close(self) -> None:
        """Let go of memory and threads; the model answers nothing after."""


def as_text(array: Array) -> Array:
    """Turn the ``bytes`` of a BYTES tensor into ``str``; raises ``UnicodeDecodeError`` where it is not UTF-8."""
    if array.dtype != object:
        return array
    items = [item.decode() if isinstance(item, bytes) else item for item in array.ravel().tolist()]
    text = np.empty(array.size, dtype=object)
    text[:] = items
    return text.reshape(array.shape)


def as_objects(array: Array) -> Array:
    """Turn numpy's fixed-width strings into a BYTES tensor; everything else stays what it is."""
    return array.astype(object) if array.dtype.kind in "SU" else array
