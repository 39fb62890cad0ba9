"""The model's types as the reader of a file needs them: which keys a section has, and what each may hold."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, reduce
from operator import or_
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from rtdeploy.spec.metadata import Existing, Words
from rtdeploy.spec.model import Section
from rtdeploy.spec.units import Positive, Quantity

__all__ = ["Field", "Kind", "fields_of", "kind_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a value may be.

    Attributes:
        sections: Mappings with known keys.
        item: Of a list.
        entry: Of a mapping with free keys: key and value.
        scalar: Reads a single value, or None where there must be none.
        accepts: Python types that a single value may have as it is written: str, int, float, bool.
        text: What is written is meant as text, whatever it looks like.
        secret: The value may be a secret: it is shown nowhere, and numbers are taken as they are written.
        choices: The values that there are, where they can be listed.
        words: What is wanted, as it completes "must be …".
        least: Entries that a mapping must have.
        existing: ``file`` or ``file or directory`` where a path must be there.
        free: Anything goes.

    """

    sections: tuple[type[Section], ...] = ()
    item: "Kind | None" = None
    entry: "tuple[Kind, Kind] | None" = None
    scalar: TypeAdapter[Any] | None = None
    accepts: frozenset[type] = frozenset()
    text: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()
    words: str = ""
    least: int = 0
    existing: str = ""
    free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a section; ``default`` is what holds where the key is missing."""

    name: str
    kind: Kind
    required: bool
    default: Any


@cache
def fields_of(section: type[Section]) -> Mapping[str, Field]:
    """All fields by the key that they have in the file."""
    return {
        info.alias or name: Field(
            name=name,
            kind=kind_of(Annotated[info.annotation, *info.metadata]) if info.metadata else kind_of(info.annotation),
            required=info.is_required(),
            default=None if info.is_required() else info.get_default(),
        )
        for name, info in section.model_fields.items()
    }


def kind_of(annotation: Any) -> Kind:
    """Take a type apart; None in a union only says that the key may be missing."""
    if annotation is Any:
        return Kind(free=True, words="any value")
    base, notes = _split(annotation)
    members = [member for member in _members(base) if member is not type(None)]
    sections = tuple(m for m in members if isinstance(m, type) and issubclass(m, Section))
    singles = [m for m in members if m not in sections and get_origin(m) not in (tuple, dict)]
    return Kind(
        sections=sections,
        item=next((kind_of(get_args(m)[0]) for m in members if get_origin(m) is tuple), None),
        entry=next((_entry(m) for m in members if get_origin(m) is dict), None),
        scalar=_adapter(singles, notes),
        accepts=frozenset().union(*(_accepted(m) for m in singles)),
        text=any(_split(m)[0] in (str, SecretStr, PurePosixPath) for m in singles),
        secret=any(_split(m)[0] is SecretStr for m in singles),
        choices=tuple(choice for m in singles for choice in _choices(m)),
        words=_or([*(_words(m, notes) for m in singles), *_keys(sections), *_containers(members)]),
        least=next((note.min_length for note in notes if hasattr(note, "min_length")), 0),
        existing=next((note.kind for note in notes if isinstance(note, Existing)), ""),
    )


def _adapter(singles: list[Any], notes: tuple[Any, ...]) -> TypeAdapter[Any] | None:
    """Build what reads a single value of any of these types."""
    if not singles:
        return None
    union = reduce(or_, singles)
    return TypeAdapter(Annotated[union, *notes] if notes else union)


def _split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Type and metadata, the metadata of pydantic's fields spread out."""
    if get_origin(annotation) is not Annotated:
        return annotation, ()
    base, *given = get_args(annotation)
    notes: list[Any] = []
    for note in given:
        notes += [*note.metadata] if isinstance(note, FieldInfo) else [note]
    inner, more = _split(base)
    return inner, (*more, *notes)


def _members(base: Any) -> tuple[Any, ...]:
    return get_args(base) if get_origin(base) in (Union, types.UnionType) else (base,)


def _entry(mapping: Any) -> tuple[Kind, Kind]:
    key, value = get_args(mapping)
    return kind_of(key), kind_of(value)


def _accepted(member: Any) -> frozenset[type]:
    base, _ = _split(member)
    return {int: frozenset({int}), float: frozenset({int, float}), bool: frozenset({bool})}.get(base, frozenset({str}))


def _choices(member: Any) -> tuple[str, ...]:
    base, _ = _split(member)
    if get_origin(base) is Literal:
        return tuple(get_args(base))
    return tuple(map(str, base)) if isinstance(base, type) and issubclass(base, StrEnum) else ()


def _words(member: Any, outer: tuple[Any, ...]) -> str:
    base, inner = _split(member)
    notes = (*inner, *outer)
    told = next((note.text for note in notes if isinstance(note, Words)), None)
    if told is not None:
        return told
    if choices := _choices(member):
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    if isinstance(base, type) and issubclass(base, Quantity):
        return base.wanted("0") if any(isinstance(note, Positive) for note in notes) else base.wanted()
    return _PLAIN[base] + _bounds(notes)


_PLAIN = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    SecretStr: "text",
    PurePosixPath: "a path",
}


def _bounds(notes: tuple[Any, ...]) -> str:
    told = {name: getattr(note, name) for note in notes for name in ("ge", "gt", "le") if hasattr(note, name)}
    if "ge" in told and "le" in told:
        return f" from {told['ge']} to {told['le']}"
    if "ge" in told:
        return f" of at least {told['ge']}"
    return f" more than {told['gt']}" if "gt" in told else ""


def _keys(sections: tuple[type[Section], ...]) -> Iterator[str]:
    """Show each section by the keys that it cannot lack; of those that are told apart by one key, only that."""
    required = [[i.alias or name for name, i in s.model_fields.items() if i.is_required()] for s in sections]
    common = [key for key in (required[0] if required else []) if all(key in keys for keys in required)]
    for keys in [common[:1]] if len(sections) > 1 and common else required:
        yield "{" + ", ".join(f"{key}: …" for key in keys) + "}" if keys else "a section with keys"


def _containers(members: list[Any]) -> Iterator[str]:
    for member in members:
        if get_origin(member) is tuple:
            yield "a list"
        elif get_origin(member) is dict:
            yield "a section with keys"


def _or(parts: list[str]) -> str:
    return " or ".join(dict.fromkeys(part for part in parts if part))
