"""Flag, environment, file, default: the first that speaks wins."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rtdeploy.spec.model import Section
from rtdeploy.spec.providers import target_class
from rtdeploy.spec.shape import Kind, fields_of
from rtdeploy.spec.suggestions import did_you_mean
from rtdeploy.spec.tree import Block, Items, Location, Node, Place, Report, Scalar, dotted, with_scalar

__all__ = ["Override", "overridden", "settable", "variable"]

_PREFIX = "RTDEPLOY_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What a flag says instead of the file; ``source`` is the flag as messages name it, like ``--rate``."""

    text: str
    source: str


def variable(path: str) -> str:
    """Name the environment variable of a setting: ``load.rate`` is ``RTDEPLOY_LOAD_RATE``."""
    return _PREFIX + re.sub(r"[^A-Za-z0-9]", "_", path).upper()


def overridden(
    root: Node,
    section: type[Section],
    variables: Mapping[str, str],
    overrides: Mapping[str, Override],
    report: Report,
) -> Node:
    """Give the tree with what flags and variables say put in place of what the file says.

    An empty variable says nothing. A target's provider comes first: it decides which settings there are.
    """
    for provider in (True, False):
        known = {dotted(location): location for location in settable(section, root)}
        chosen = _from_environment(known, variables, report if not provider else Report()) | dict(overrides)
        for path, override in chosen.items():
            if path in known and _names_provider(known[path]) is provider:
                root = with_scalar(root, known[path], _scalar(override))
    for path in overrides.keys() - known.keys():
        place = Place(source=overrides[path].source)
        report.add(place, (path,), f"unknown setting{did_you_mean(path, known)}")
    return root


def _scalar(override: Override) -> Scalar:
    return Scalar(place=Place(source=override.source), text=override.text, loose=True)


def _names_provider(location: Location) -> bool:
    return len(location) == 3 and location[0] == "targets" and location[2] == "provider"


def _from_environment(
    known: Mapping[str, Location], variables: Mapping[str, str], report: Report
) -> dict[str, Override]:
    found: dict[str, Override] = {}
    taken: dict[str, str] = {}
    for path in known:
        name = variable(path)
        if not variables.get(name):
            continue
        if name in taken:
            report.add(Place(source=name), (), f"can mean {taken[name]} or {path}: rename one of them in the file")
        taken[name] = path
        found[path] = Override(text=variables[name], source=name)
    return found


def settable(section: type[Section], node: Node | None, location: Location = ()) -> Iterator[Location]:
    """Every setting that holds a single value, whether or not the file has it; targets are those of the file."""
    block = node if isinstance(node, Block) else None
    fields = fields_of(section)
    for key, field in fields.items():
        entry = block.entries.get(key) if block else None
        yield from _settable(field.kind, entry.node if entry else None, (*location, key))
    if block and section.model_config.get("extra") == "allow":
        for key, entry in block.entries.items():
            if key not in fields and isinstance(entry.node, Scalar):
                yield (*location, key)


def _settable(kind: Kind, node: Node | None, location: Location) -> Iterator[Location]:
    if kind.scalar is not None:
        yield location
    if kind.entry is not None and isinstance(node, Block):
        for key, entry in node.entries.items():
            yield from _settable(kind.entry[1], entry.node, (*location, key))
    if len(kind.sections) > 1 and all("provider" in fields_of(section) for section in kind.sections):
        yield from _of_target(node, location)
        return
    for section in kind.sections:
        yield from settable(section, None if isinstance(node, Items) else node, location)


def _of_target(node: Node | None, location: Location) -> Iterator[Location]:
    """What one target of the file can say; as long as its provider is unknown, that."""
    entry = node.entries.get("provider") if isinstance(node, Block) else None
    named = entry.node.text if entry and isinstance(entry.node, Scalar) else ""
    section = target_class(named)
    if section is None:
        yield (*location, "provider")
    else:
        yield from settable(section, node, location)
