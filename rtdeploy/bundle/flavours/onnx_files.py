"""Which other files an ONNX model consists of, found by walking its protobuf without reading a weight.

Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3); ``onnx`` itself would
load every tensor that lies inside of the file.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["External", "MalformedError", "external_data", "is_onnx"]

_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""Message → field number → message inside of it that may lead to a tensor."""
_DEEPEST = 100


class MalformedError(ValueError):
    """The bytes are not what a protobuf message looks like, or end too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A file with weights; ``end`` is the first byte after the last that the model reads there."""

    location: str
    end: int


def is_onnx(path: Path) -> bool:
    """Whether the file begins as a model does and holds a graph."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            numbers = {number for number, _, _ in _fields(content, 0, len(content))}
    except (MalformedError, ValueError):
        return False
    return {1, 7} <= numbers and max(numbers) <= 26


def external_data(path: Path) -> list[External]:
    """Find every file in which the model keeps weights, in order of names.

    Raises:
        MalformedError: The file is damaged.

    """
    ends: dict[str, int] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for location, end in _walk(content, "model", 0, len(content), _DEEPEST):
            ends[location] = max(end, ends.get(location, 0))
    return [External(location=location, end=end) for location, end in sorted(ends.items())]


def _walk(content: mmap.mmap, message: str, start: int, end: int, depth: int) -> Iterator[tuple[str, int]]:
    if not depth:
        raise MalformedError("nested too deeply")
    entries = {}
    for number, first, last in _fields(content, start, end):
        inside = _INSIDE[message].get(number)
        if inside == "entry":
            key, value = _entry(content, first, last)
            entries[key] = value
        elif inside is not None:
            yield from _walk(content, inside, first, last, depth - 1)
    if "location" in entries:
        yield entries["location"], _number(entries.get("offset")) + _number(entries.get("length"))


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0


def _entry(content: mmap.mmap, start: int, end: int) -> tuple[str, str]:
    """Read a StringStringEntryProto."""
    texts = {number: content[first:last] for number, first, last in _fields(content, start, end)}
    try:
        return texts.get(1, b"").decode(), texts.get(2, b"").decode()
    except UnicodeDecodeError as error:
        raise MalformedError("a name is not text") from error


def _fields(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, first byte and end of every field; fields of fixed size and integers hold their own bytes."""
    position = start
    while position < end:
        tag, position = _varint(content, position, end)
        first, size = position, {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 == 2:
            size, first = _varint(content, position, end)
        elif tag & 7 == 0:
            _, after = _varint(content, position, end)
            size = after - position
        elif not size:
            raise MalformedError(f"no wire type {tag & 7}")
        position = first + size
        if position > end or not tag >> 3:
            raise MalformedError("a field reaches beyond the end: the file is cut off or damaged")
        yield tag >> 3, first, position


def _varint(content: mmap.mmap, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise MalformedError("the file is cut off")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise MalformedError("a number is too long")
