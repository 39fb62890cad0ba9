"""A parsed file before it means anything: values that know where they stand."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from rtdeploy.errors import Problem

__all__ = [
    "Block",
    "Entry",
    "Items",
    "Location",
    "Node",
    "Place",
    "Report",
    "Scalar",
    "dotted",
    "plain",
    "resolve",
    "scalars",
    "with_scalar",
]

Location: TypeAlias = tuple[str, ...]
"""Keys from the root down; the position in a list is a key, too."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_NUMBER = re.compile(r"[-+]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][-+]?[0-9]{1,2})?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was read; line and column count from 1, 0 where the source is not a file."""

    source: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A single value as it is written.

    ``quoted`` is text, unless it is ``loose``: came from a flag, a variable or a ``${reference}``, so that the field
    decides what it is. ``shown`` is what a message may say of it, ``broken`` is reported already.
    """

    place: Place
    text: str = field(repr=False)
    quoted: bool = False
    loose: bool = False
    broken: bool = False
    shown: str = field(default="", repr=False)
    size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of a mapping: where the key stands, and its value."""

    place: Place
    node: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A mapping; ``size`` counts the values in it, aliases spelled out."""

    place: Place
    entries: Mapping[str, Entry]
    size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    place: Place
    nodes: tuple["Node", ...]
    size: int = 1


Node: TypeAlias = Scalar | Block | Items


@dataclass(slots=True)
class Report:
    """Mistakes found so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, place: Place, location: Location, message: str) -> None:
        """Note one mistake."""
        self.problems.append(
            Problem(
                source=place.source,
                line=place.line,
                column=place.column,
                path=dotted(location),
                message=message,
            )
        )


def dotted(location: Location) -> str:
    """Spell a location as a path."""
    return ".".join(location)


def resolve(text: str) -> str | int | float | bool | None:
    """Read an unquoted value by the core schema of YAML 1.2, without its octal and hexadecimal numbers.

    ``yes``, ``on`` and ``12:30`` are text, and so is ``010``: nobody can tell what it means.
    """
    if text in ("", "~"):
        return None
    if text in {form for word in _WORDS for form in (word, word.capitalize(), word.upper())}:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and not _LEADING_ZERO.match(text):
        return float(text)
    return text


def plain(node: Node) -> Any:
    """Turn a tree into lists, dicts and values."""
    match node:
        case Block():
            return {key: plain(entry.node) for key, entry in node.entries.items()}
        case Items():
            return [plain(item) for item in node.nodes]
        case _:
            return node.text if node.quoted else resolve(node.text)


def scalars(node: Node, location: Location = ()) -> Iterator[tuple[Location, Scalar]]:
    """Every single value with where it hangs, in file order."""
    match node:
        case Block():
            for key, entry in node.entries.items():
                yield from scalars(entry.node, (*location, key))
        case Items():
            for position, item in enumerate(node.nodes):
                yield from scalars(item, (*location, str(position)))
        case _:
            yield location, node


def with_scalar(node: Node | None, location: Location, value: Scalar) -> Node:
    """Give the tree with one value put in place of what was there; sections on the way are made."""
    if not location:
        return value
    key, *rest = location
    if isinstance(node, Items):
        position = int(key)
        inner = with_scalar(node.nodes[position], tuple(rest), value)
        return replace(node, nodes=(*node.nodes[:position], inner, *node.nodes[position + 1 :]))
    block = node if isinstance(node, Block) else Block(place=value.place, entries={})
    old = block.entries.get(key)
    made = with_scalar(old.node if old else None, tuple(rest), value)
    entry = Entry(place=old.place if old else value.place, node=made)
    return replace(block, entries={**block.entries, key: entry})
