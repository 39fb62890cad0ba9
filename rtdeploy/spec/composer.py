"""YAML text → :mod:`rtdeploy.spec.tree`, event by event, so that no file can make it run away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from rtdeploy.errors import Problem, SpecError
from rtdeploy.spec.tree import Block, Entry, Items, Location, Node, Place, Report, Scalar

__all__ = ["DEEPEST", "MOST", "compose"]

DEEPEST = 50
"""Levels of nesting."""
MOST = 10_000
"""Values in one file, aliases spelled out."""

_MERGE = "<<"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXPLAINED = {
    "mapping values are not allowed": "a colon where none can be: quote the value, or mind the indentation",
    "did not find expected ',' or ']'": "a list that is not closed with ]",
    "did not find expected ',' or '}'": "a mapping that is not closed with }",
    "did not find expected key": "a line that is indented differently from its neighbours, or lacks its colon",
    "did not find expected '-' indicator": "an item without its dash, or a line that is indented differently",
    "could not find expected ':'": "a key without its colon",
    "found unexpected end of stream": "a quote that is not closed",
    "did not find expected node content": "a value is missing",
    "found unknown escape character": "an unknown escape after a backslash: use single quotes",
    "maximum nesting depth": f"more than {DEEPEST} levels of nesting",
}


def compose(text: str, source: str, report: Report) -> Node | None:
    """Build the tree of the only document, or None where there is nothing.

    Duplicate keys and tags are noted in ``report``, and the rest is read on.

    Raises:
        SpecError: nothing sensible can be read: broken syntax, a second document, too deep, too much.

    """
    composer = _Composer(source=source, report=report)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except yaml.YAMLError as error:
        raise _fatal(*_syntax(error, text, source)) from None
    return composer.root


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A collection that is still open."""

    place: Place
    anchor: str | None
    mapping: bool
    nodes: list[Node] = field(default_factory=list)
    size: int = 1

    @property
    def key(self) -> str:
        """Under what the next value hangs: the last key, or the position."""
        last = self.nodes[-1] if self.nodes else None
        if self.mapping:
            return last.text[:60] if isinstance(last, Scalar) else ""
        return str(len(self.nodes))


@dataclass(slots=True, kw_only=True)
class _Composer:
    source: str
    report: Report
    root: Node | None = None
    documents: int = 0
    open: list[_Frame] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        place = self._place(event)
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise _fatal(place, "a second document begins here; the file must hold only one")
            case yaml.AliasEvent():
                self._put(self._aliased(event.anchor, place), place)
            case yaml.ScalarEvent():
                self._refuse_tag(event.tag, place)
                made = Scalar(place=place, text=event.value, quoted=event.style not in (None, ""))
                self._finish(event.anchor, made)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._refuse_tag(event.tag, place)
                self._enter(_Frame(place=place, anchor=event.anchor, mapping=isinstance(event, yaml.MappingStartEvent)))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                frame = self.open.pop()
                self._finish(frame.anchor, self._closed(frame))

    def _place(self, event: yaml.Event) -> Place:
        mark: Any = event.start_mark
        return Place(source=self.source, line=mark.line + 1, column=mark.column + 1)

    def _location(self) -> Location:
        """Where the next value hangs."""
        return tuple(frame.key for frame in self.open)

    def _refuse_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")[:60]
            self.report.add(place, self._location(), f"the tag {shown!r} has no meaning here: write the value alone")

    def _enter(self, frame: _Frame) -> None:
        if len(self.open) >= DEEPEST:
            raise _fatal(frame.place, f"more than {DEEPEST} levels of nesting")
        self.open.append(frame)

    def _aliased(self, anchor: str | None, place: Place) -> Node:
        if anchor is not None and anchor in self.anchors and all(frame.anchor != anchor for frame in self.open):
            return self.anchors[anchor]
        if any(frame.anchor == anchor for frame in self.open):
            raise _fatal(place, f"the alias *{anchor} contains itself")
        raise _fatal(place, f"the alias *{anchor} has no anchor &{anchor} before it")

    def _finish(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        self._put(node, node.place)

    def _put(self, node: Node, place: Place) -> None:
        if not self.open:
            self.root = node
            return
        frame = self.open[-1]
        frame.nodes.append(node)
        frame.size += node.size
        if sum(each.size for each in self.open) > MOST:
            raise _fatal(place, f"more than {MOST:,} values, aliases spelled out")

    def _closed(self, frame: _Frame) -> Node:
        if not frame.mapping:
            return Items(place=frame.place, nodes=tuple(frame.nodes), size=frame.size)
        merged: dict[str, Entry] = {}
        entries: dict[str, Entry] = {}
        for key, value in zip(frame.nodes[::2], frame.nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.report.add(key.place, self._location(), "a key must be text")
            elif key.text == _MERGE and not key.quoted:
                merged = dict(self._merged(value, key.place)) | merged
            elif key.text in entries:
                first = entries[key.text].place.line
                self.report.add(key.place, (*self._location(), key.text[:60]), f"is there twice; first in line {first}")
            else:
                entries[key.text] = Entry(place=key.place, node=value)
        return Block(place=frame.place, entries=merged | entries, size=frame.size)

    def _merged(self, value: Node, place: Place) -> Iterator[tuple[str, Entry]]:
        """Entries that ``<<: *other`` brings in; of several mappings the first one wins."""
        blocks = value.nodes if isinstance(value, Items) else (value,)
        for block in reversed(blocks):
            if isinstance(block, Block):
                yield from block.entries.items()
            else:
                self.report.add(place, self._location(), "<< needs a mapping, or a list of mappings")


def _syntax(error: yaml.YAMLError, text: str, source: str) -> tuple[Place, str]:
    mark: Any = getattr(error, "problem_mark", None)
    if mark is None:
        return Place(source=source, line=1, column=1), f"not valid YAML: {error}"
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    explained = _explained(str(getattr(error, "problem", "")), line, mark.column)
    place = Place(source=source, line=mark.line + 1, column=mark.column + 1)
    return place, f"not valid YAML: {explained}"


def _explained(problem: str, line: str, column: int) -> str:
    """Say what is wrong at one place of a line in words that need no knowledge of YAML's grammar."""
    sign = line[column : column + 1]
    if sign == "{" and line[column - 1 : column] == "$":
        return "a ${reference} inside of { } needs quotes"
    if "cannot start any token" in problem:
        return "a tab; only spaces indent" if sign == "\t" else f"a value that begins with {sign} needs quotes"
    return next((words for part, words in _EXPLAINED.items() if part in problem), problem)


def _fatal(place: Place, message: str) -> SpecError:
    return SpecError([Problem(source=place.source, line=place.line, column=place.column, path="", message=message)])
