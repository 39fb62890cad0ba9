"""JSON Schema of rtdeploy.yaml, so that editors complete keys, explain them and underline mistakes."""

import ast
import inspect
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from rtdeploy.spec import model
from rtdeploy.spec.model import Section, Spec
from rtdeploy.spec.providers import BUILT_IN, external_names
from rtdeploy.spec.shape import Field, fields_of
from rtdeploy.spec.units import Quantity

__all__ = ["json_schema"]

Schema = dict[str, Any]

_ID = "urn:rtdeploy:rtdeploy.yaml"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Schema = {
    "description": "The value of an environment variable: ${NAME}, or ${NAME:-default}.",
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
}
_VARIABLES: Schema = {
    "type": "object",
    "propertyNames": {"pattern": "^(?!RTDEPLOY_)[A-Za-z_][A-Za-z0-9_]*$"},
    "additionalProperties": {
        "type": ["string", "number", "boolean"],
        "pattern": r"^(?!secret://)|^secret://(?!\.{1,2}(/|$))[A-Za-z0-9_.-]+(/(?!\.{1,2}(/|$))[A-Za-z0-9_.-]+)*$",
    },
}
_FREE_FORM: Schema = {
    "description": "Any value but a secret.",
    "not": {"type": "string", "pattern": "^secret://"},
    "items": {"$ref": "#/$defs/Value"},
    "additionalProperties": {"$ref": "#/$defs/Value"},
}
_NULL: Schema = {"type": "null"}


def json_schema(external: Collection[str] | None = None) -> Schema:
    """Describe the file in draft 2020-12.

    A target is described by its own provider's section. Not expressible, and found by loading only: files that are
    not there, and numbers that do not go together (percentiles that fall, ``max`` under ``min``).

    Args:
        external: Providers of other packages that a target may name; default: those that are installed.

    """
    schema = Spec.model_json_schema(by_alias=True)
    parts = schema.pop("$defs")
    for section in _subclasses(Section):
        described = schema if section is Spec else parts.get(section.__name__)
        if described is not None:
            _describe(described, section, parts)
    _describe_targets(schema, parts, external_names() if external is None else external)
    parts = {name: part for name, part in parts.items() if "enum" not in part}
    parts |= {"Reference": _REFERENCE, "Value": _FREE_FORM}
    head = {"$schema": _DIALECT, "$id": _ID, "title": "rtdeploy.yaml"}
    return (
        head | {key: value for key, value in schema.items() if key != "title"} | {"$defs": dict(sorted(parts.items()))}
    )


def _subclasses(section: type[Section]) -> Iterator[type[Section]]:
    for inner in section.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _describe_targets(schema: Schema, parts: Schema, external: Collection[str]) -> None:
    """Let the provider decide which section a target is, so that an editor tells the mistakes of that one only."""
    targets = schema["properties"]["targets"]
    pattern = next(iter(targets.pop("patternProperties")))
    targets |= {"propertyNames": {"pattern": pattern}, "additionalProperties": {"$ref": "#/$defs/Target"}}
    classes = {name: section.__name__ for name, section in BUILT_IN.items()}
    classes |= dict.fromkeys(external, "ExternalTarget")
    parts["Target"] = {
        "description": "One place where the model is served.",
        "type": "object",
        "required": ["provider"],
        "properties": {
            "provider": {
                "description": "Which platform.",
                "anyOf": [{"enum": list(classes)}, {"$ref": "#/$defs/Reference"}],
            }
        },
        "allOf": [
            {
                "if": {"required": ["provider"], "properties": {"provider": {"const": name}}},
                "then": {"$ref": f"#/$defs/{section}"},
            }
            for name, section in classes.items()
        ],
    }
    if not external:
        del parts["ExternalTarget"]


def _describe(described: Schema, section: type[Section], parts: Schema) -> None:
    described.pop("title", None)
    described["description"] = " ".join(inspect.getdoc(section).split())  # type: ignore[union-attr]
    for key, field in fields_of(section).items():
        wanted = described["properties"][key]
        described["properties"][key] = _documented(_value(wanted, field, parts), field, section)


def _value(wanted: Schema, field: Field, parts: Schema) -> Schema:
    """What a key may hold, as it may be written: no null, a ``${reference}`` wherever one value stands."""
    if field.kind.entry is not None and field.kind.entry[1].secret:
        return dict(_VARIABLES)
    about = {"default", "description", "title"}
    bare = {key: value for key, value in wanted.items() if key not in about}
    forms = [_written(form, parts) for form in bare.get("anyOf", [bare]) if form != _NULL]
    if field.kind.scalar is not None and not all(_takes_any_text(form) for form in forms):
        forms.append({"$ref": "#/$defs/Reference"})
    if isinstance(field.default, Section):
        forms.append(_NULL)
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _written(form: Schema, parts: Schema) -> Schema:
    """One form of a value; text is anything but a secret."""
    form = {key: value for key, value in form.items() if key != "format"}
    if set(form) == {"$ref"} and "enum" in parts[form["$ref"].rpartition("/")[2]]:
        return {"enum": parts[form["$ref"].rpartition("/")[2]]["enum"]}
    if form.get("additionalProperties") is True:
        return form | {"additionalProperties": {"$ref": "#/$defs/Value"}}
    if "items" in form:
        return form | {"items": _written(form["items"], parts)}
    return form | {"not": {"pattern": "^secret://"}} if _takes_any_text(form) else form


def _takes_any_text(form: Schema) -> bool:
    return form.get("type") == "string" and not {"pattern", "enum", "const"} & form.keys()


def _documented(value: Schema, field: Field, section: type[Section]) -> Schema:
    text = _docs()[section].get(field.name)
    told: Schema = {"description": text} if text else {}
    if isinstance(field.default, Quantity | StrEnum):
        told["default"] = str(field.default)
    elif isinstance(field.default, str | int | float):
        told["default"] = field.default
    return told | value


@cache
def _docs() -> Mapping[type[Section], Mapping[str, str]]:
    """What is written under each field of the model, inherited by the sections that inherit it."""
    own = {
        node.name: dict(_fields(node))
        for node in ast.parse(inspect.getsource(model)).body
        if isinstance(node, ast.ClassDef)
    }
    return {
        section: {name: text for base in reversed(section.__mro__) for name, text in own.get(base.__name__, {}).items()}
        for section in _subclasses(Section)
    }


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in zip(node.body, node.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                yield name, words
