"""The reference page of rtdeploy.yaml, from its schema: ``python -m rtdeploy.spec.reference > docs/spec.md``."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from rtdeploy.spec.composer import DEEPEST, MOST
from rtdeploy.spec.model import TargetBase
from rtdeploy.spec.providers import BUILT_IN
from rtdeploy.spec.schema import json_schema
from rtdeploy.spec.shape import fields_of
from rtdeploy.spec.units import Duration, Quantity, Rate, Ratio, Size

__all__ = ["reference"]

Schema = dict[str, Any]

_QUANTITIES: tuple[type[Quantity], ...] = (Duration, Rate, Size, Ratio)
_SECTIONS = (
    ("Model", "model"),
    ("Budget", "budget"),
    ("Serve", "serve"),
    ("Batch", "serve.batch"),
    ("Fallback", "serve.fallback"),
    ("Breaker", "serve.breaker"),
    ("Load", "load"),
    ("Trace", "load.arrivals, recorded"),
    ("Shape", "load.arrivals, changing"),
)
_OF_TARGETS = (("Scale", "scale"), ("Schedule", "scale.schedule"), ("Serverless", "serverless"))
_TITLES = dict((*_SECTIONS, *_OF_TARGETS))

_INTRODUCTION = f"""\
# rtdeploy.yaml

<!-- Written by `python -m rtdeploy.spec.reference`; a test compares it with the schema. -->

`rtdeploy init` writes a file to begin with, and `rtdeploy schema` prints the JSON Schema that this page is made from;
with `# yaml-language-server: $schema=FILE` in the first line an editor completes keys and underlines mistakes.

All mistakes are told at once, in file order, each with its place:

    rtdeploy.yaml:12:5 targets.aws.instnace: unknown key, did you mean instance?

## Rules for the whole file

**YAML.** UTF-8, one document, at most 1 MiB, {DEEPEST} levels and {MOST:,} values. Values are read by YAML 1.2: only
`true` and `false` are booleans (`no`, `yes` and `on` are text), and `010` or `12:30` are text. Anchors, aliases and
`<<` work; tags, duplicate keys and unknown keys are mistakes. A key without a value is a mistake, but a whole section
left empty (`serve:`) is its defaults.

**Paths** are relative to the directory of the file, whichever way they are set, and must be there.

**Precedence.** A flag wins over the environment, that over the file, that over the default. Every setting that holds
a single value has a variable: `RTDEPLOY_` and its path in capitals, everything else than letters and digits as `_`.
`load.rate` is `RTDEPLOY_LOAD_RATE`, `budget.p99.9` is `RTDEPLOY_BUDGET_P99_9`, `targets.aws.instance` is
`RTDEPLOY_TARGETS_AWS_INSTANCE`; the targets are those of the file. An empty variable says nothing.

**References.** `${{NAME}}` in any value is the environment variable NAME, which must be set; `${{NAME:-default}}` has a
default for where it is not set or empty. What comes in this way is text where text is wanted, else what it looks
like. `$${{` stands for `${{` itself.

**Secrets.** `secret://NAME` is allowed for values under a target's `environment` only. It is looked up where the server
starts; values of `environment` are shown in no plan, log, result or message.
"""


def reference() -> str:
    """Write the page; providers of other packages are not on it."""
    return "\n".join(_lines(json_schema(external=()))).rstrip() + "\n"


def _lines(schema: Schema) -> Iterator[str]:
    parts = schema["$defs"]
    yield _INTRODUCTION
    yield from _units()
    yield from _section("The file", schema)
    for name, title in _SECTIONS:
        yield from _section(title, parts[name])
    common = fields_of(TargetBase)
    yield from ("## targets", "", "Every target has a `provider`, and may have:", "")
    yield from _table(parts["ProcessTarget"], {key for key in common if key != "provider"})
    for provider, section in BUILT_IN.items():
        own = set(fields_of(section)) - set(common) - {"provider"}
        yield from _section(f"provider: {provider}", parts[section.__name__], own)
    for name, title in _OF_TARGETS:
        yield from _section(title, parts[name])


def _units() -> Iterator[str]:
    yield from ("## Units", "", "| | units | like |", "| --- | --- | --- |")
    for quantity in _QUANTITIES:
        yield f"| {quantity.noun} | {', '.join(f'`{unit}`' for unit in quantity.units)} | `{quantity.example}` |"
    yield ""


def _section(title: str, part: Schema, keys: set[str] | None = None) -> Iterator[str]:
    yield from (f"## {title}", "", part["description"], "")
    yield from _table(part, set(part["properties"]) if keys is None else keys)


def _table(part: Schema, keys: set[str]) -> Iterator[str]:
    yield from ("| key | value | default | |", "| --- | --- | --- | --- |")
    required = part.get("required", ())
    for key, value in part["properties"].items():
        if key in keys:
            default = (
                "**required**" if key in required else f"`{_json(value['default'])}`" if "default" in value else ""
            )
            yield f"| `{key}` | {_words(value)} | {default} | {value.get('description', '')} |"
    yield ""


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(value: Schema) -> str:
    """Say what a value may be, shortly, for one cell of a table."""
    forms = [form for form in value.get("anyOf", [value]) if not _goes_without_saying(form)]
    return " or ".join(dict.fromkeys(_form(form) for form in forms))


def _goes_without_saying(form: Schema) -> bool:
    return form.get("$ref") == "#/$defs/Reference" or form.get("type") == "null"


def _form(form: Schema) -> str:
    if "$ref" in form:
        name = form["$ref"].rpartition("/")[2]
        return f"[section](#{_anchor(_TITLES[name])})" if name in _TITLES else "section"
    if "enum" in form or "const" in form:
        return ", ".join(f"`{choice}`" for choice in form.get("enum", [form.get("const")]))
    if "examples" in form:
        return _quantity(form["examples"][0])
    return _PLAIN[form["type"]](form)


def _quantity(example: str) -> str:
    noun = next(quantity.noun for quantity in _QUANTITIES if quantity.example == example)
    return f"[{noun}](#units)"


def _anchor(title: str) -> str:
    """Make the fragment that GitHub gives a heading."""
    return "".join(sign for sign in title.lower().replace(" ", "-") if sign.isalnum() or sign in "-_")


def _number(noun: str, form: Schema) -> str:
    least, most = form.get("minimum"), form.get("maximum")
    if most is not None:
        return f"{noun} from {least} to {most}"
    return f"{noun} of at least {least}" if least is not None else f"{noun} of more than {form['exclusiveMinimum']}"


_PLAIN: dict[str, Callable[[Schema], str]] = {
    "boolean": lambda _: "`true`, `false`",
    "string": lambda _: "text",
    "integer": lambda form: _number("whole number", form),
    "number": lambda form: _number("number", form),
    "array": lambda form: f"list of {_words(form['items'])}",
    "object": lambda _: "mapping",
}


if __name__ == "__main__":
    sys.stdout.write(reference())
