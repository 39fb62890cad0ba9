"""The tree of a file → sections of the model, every mistake with its place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from rtdeploy.spec.files import what_is_missing
from rtdeploy.spec.model import Section, Spec
from rtdeploy.spec.providers import known_names, target_class
from rtdeploy.spec.rules import Read, broken_rules
from rtdeploy.spec.shape import Field, Kind, fields_of
from rtdeploy.spec.substitution import SECRET
from rtdeploy.spec.suggestions import did_you_mean
from rtdeploy.spec.tree import Block, Entry, Items, Location, Node, Place, Report, Scalar, dotted, plain, resolve

__all__ = ["read_section"]

_Section = TypeVar("_Section", bound=Section)

_LONGEST_SHOWN = 40


class _Invalid(Enum):
    """Stands for a value that is reported already."""

    INVALID = auto()


_INVALID: Final = _Invalid.INVALID


def read_section(section: type[_Section], block: Block, root: Path, report: Report) -> _Section | None:
    """Read the whole file as ``section``; None where something was reported.

    Args:
        section: What the file is read as.
        block: The file's mapping.
        root: Directory that its paths are relative to.
        report: Takes every mistake.

    """
    found = _Reader(root=root, report=report).section(section, block, block.place, ())
    return found if isinstance(found, section) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    root: Path
    report: Report

    def section(self, section: type[Section], block: Block, place: Place, location: Location) -> Any:
        """Read one mapping; ``place`` is its key's, where what is missing is reported."""
        before = len(self.report.problems)
        fields = fields_of(section)
        extra = self._unknown(section, block, location)
        values = {
            field.name: self._field(field, block.entries.get(key), place, (*location, key))
            for key, field in fields.items()
        }
        self._rules(section, block, values, place, location)
        if len(self.report.problems) > before or _any_invalid(values.values()):
            return _INVALID
        given = {field.name: values[field.name] for key, field in fields.items() if key in block.entries}
        return section.model_validate({**given, **extra})

    def _field(self, field: Field, entry: Entry | None, place: Place, location: Location) -> Any:
        if entry is None:
            if field.required:
                self.report.add(place, location, "is missing" + _needed(field.kind))
            return _INVALID if field.required else field.default
        node = entry.node
        if _is_empty(node) and len(field.kind.sections) == 1:
            if isinstance(field.default, Section):
                return field.default
            if field.required:
                node = Block(place=node.place, entries={})
        return self.value(field.kind, node, entry.place, location)

    def _unknown(self, section: type[Section], block: Block, location: Location) -> Mapping[str, Any]:
        """Give the keys that a section of free form takes as they are; in any other they are mistakes."""
        fields = fields_of(section)
        unknown = {key: entry for key, entry in block.entries.items() if key not in fields}
        if section.model_config.get("extra") == "allow":
            return {key: plain(entry.node) for key, entry in unknown.items()}
        for key, entry in unknown.items():
            hint = did_you_mean(key, fields) or _elsewhere(key, location)
            self.report.add(entry.place, (*location, key[:_LONGEST_SHOWN]), f"unknown key{hint}")
        return {}

    def _rules(
        self, section: type[Section], block: Block, values: Mapping[str, Any], place: Place, location: Location
    ) -> None:
        fields = fields_of(section)
        keys = {field.name: key for key, field in fields.items()}
        given = {field.name for key, field in fields.items() if key in block.entries}
        right = {name: value for name, value in values.items() if value is not _INVALID}
        for name, message in broken_rules(section, Read(values=right, given=given)):
            entry = block.entries.get(keys[name]) if name else None
            at = place if entry is None else entry.node.place if isinstance(entry.node, Scalar) else entry.place
            self.report.add(at, (*location, keys[name]) if name else location, message)

    def value(self, kind: Kind, node: Node, place: Place, location: Location) -> Any:
        """Read one value of any kind."""
        if kind.free:
            return plain(node)
        match node:
            case Scalar():
                return self._single(kind, node, location)
            case Items():
                return self._list(kind, node, location)
            case Block():
                return self._keyed(kind, node, place, location)

    def _list(self, kind: Kind, items: Items, location: Location) -> Any:
        if kind.item is None:
            return self._wrong(kind, items.place, location, "a list")
        made = [self.value(kind.item, n, n.place, (*location, str(i))) for i, n in enumerate(items.nodes)]
        return _INVALID if _any_invalid(made) else tuple(made)

    def _keyed(self, kind: Kind, block: Block, place: Place, location: Location) -> Any:
        if kind.entry is not None:
            return self._mapping(kind, kind.entry, block, place, location)
        if not kind.sections:
            return self._wrong(kind, block.place, location, "a section with keys")
        section = self._choose(kind, block, place, location)
        return self.section(section, block, place, location) if section else _INVALID

    def _mapping(self, kind: Kind, parts: tuple[Kind, Kind], block: Block, place: Place, location: Location) -> Any:
        if kind.least and not block.entries:
            self.report.add(place, location, "is empty: needs at least one")
            return _INVALID
        made = {}
        for key, entry in block.entries.items():
            here = (*location, key[: 2 * _LONGEST_SHOWN])
            made[key] = self.value(parts[1], entry.node, entry.place, here)
            if not self._key_is_right(parts[0], key):
                self.report.add(entry.place, here, f"the name must be {parts[0].words}")
                made[key] = _INVALID
        return _INVALID if _any_invalid(made.values()) else made

    def _key_is_right(self, kind: Kind, key: str) -> bool:
        assert kind.scalar is not None
        try:
            kind.scalar.validate_python(key)
        except ValidationError:
            return False
        return True

    def _choose(self, kind: Kind, block: Block, place: Place, location: Location) -> type[Section] | None:
        """Pick the section that a mapping means: by its provider, else by the key that only one of them needs."""
        if len(kind.sections) == 1:
            return kind.sections[0]
        if all("provider" in fields_of(section) for section in kind.sections):
            return self._by_provider(block, place, (*location, "provider"))
        for section in kind.sections:
            if any(field.required and key in block.entries for key, field in fields_of(section).items()):
                return section
        self._wrong(kind, block.place, location, "something else")
        return None

    def _by_provider(self, block: Block, place: Place, location: Location) -> type[Section] | None:
        entry = block.entries.get("provider")
        if entry is None:
            self.report.add(place, location, f"is missing: one of {', '.join(known_names())}")
            return None
        if not isinstance(entry.node, Scalar):
            self.report.add(entry.node.place, location, "must be the name of a provider")
            return None
        if entry.node.broken:
            return None
        named = entry.node.text
        found = target_class(named)
        if found is None:
            hint = did_you_mean(named, known_names()) or f"; there are {', '.join(known_names())}"
            self.report.add(entry.node.place, location, f"unknown provider {_shown(entry.node)}{hint}")
        return found

    def _single(self, kind: Kind, scalar: Scalar, location: Location) -> Any:
        if scalar.broken or (scalar.text.startswith(SECRET) and not kind.secret):
            return _INVALID
        written = _written(kind, scalar)
        if written is None:
            self.report.add(scalar.place, location, "has no value: give it one, or take the key out")
            return _INVALID
        if written == "" and kind.text and not kind.secret:
            self.report.add(scalar.place, location, "is empty: give it a value, or take the key out")
            return _INVALID
        if kind.scalar is None or type(written) not in kind.accepts:
            return self._wrong_scalar(kind, scalar, written, location)
        try:
            value = kind.scalar.validate_python(written)
        except ValidationError:
            return self._wrong_scalar(kind, scalar, written, location)
        return value if self._exists(kind, scalar, location) else _INVALID

    def _wrong(self, kind: Kind, place: Place, location: Location, found: str) -> _Invalid:
        self.report.add(place, location, f"must be {kind.words}; it is {found}")
        return _INVALID

    def _wrong_scalar(self, kind: Kind, scalar: Scalar, written: object, location: Location) -> _Invalid:
        if kind.secret:
            self.report.add(scalar.place, location, f"must be {kind.words}")
            return _INVALID
        hint = did_you_mean(scalar.text, kind.choices) if not scalar.shown else ""
        if kind.text and not isinstance(written, str):
            hint = ": put it in quotes"
        return self._wrong(kind, scalar.place, location, _shown(scalar) + hint)

    def _exists(self, kind: Kind, scalar: Scalar, location: Location) -> bool:
        missing = what_is_missing(self.root / scalar.text, kind.existing) if kind.existing else ""
        if missing:
            self.report.add(scalar.place, location, f"{_shown(scalar)} {missing}")
        return not missing


def _any_invalid(values: Iterable[Any]) -> bool:
    return any(value is _INVALID for value in values)


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.quoted and not node.loose and resolve(node.text) is None


def _written(kind: Kind, scalar: Scalar) -> str | int | float | bool | None:
    """What a single value is: text, or what it looks like."""
    if kind.text if scalar.loose else scalar.quoted:
        return scalar.text
    value = resolve(scalar.text)
    return scalar.text if kind.secret and value is not None else value


def _shown(scalar: Scalar) -> str:
    """Quote a value in a message: short, on one line, and nothing of what a variable holds."""
    if scalar.shown:
        return scalar.shown
    text = scalar.text if len(scalar.text) <= _LONGEST_SHOWN else scalar.text[:_LONGEST_SHOWN] + "…"
    return repr(text) if scalar.quoted or scalar.loose or not text.isprintable() or not text else text


def _needed(kind: Kind) -> str:
    """Go on after "is missing"; that something must be text goes without saying."""
    return "" if kind.words == "text" or not kind.scalar else f": {kind.words}"


def _elsewhere(key: str, location: Location) -> str:
    """Say which section a key belongs to, where exactly one knows it."""
    places = [(*there, key) for there, fields in _sections(Spec) if key in fields and there != location]
    return f", did you mean {dotted(places[0])}?" if len(places) == 1 else ""


def _sections(section: type[Section], location: Location = ()) -> Iterator[tuple[Location, Mapping[str, Field]]]:
    fields = fields_of(section)
    yield location, fields
    for key, field in fields.items():
        for inner in field.kind.sections:
            yield from _sections(inner, (*location, key))
