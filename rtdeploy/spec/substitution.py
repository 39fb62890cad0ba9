"""``${NAME}`` and ``secret://NAME``: values that the file leaves to the place where it is used."""

import re
from collections.abc import Mapping
from dataclasses import replace

from rtdeploy.spec.tree import Block, Entry, Items, Location, Node, Report, Scalar, scalars

__all__ = ["SECRET", "check_secrets", "substitute"]

SECRET = "secret://"  # noqa: S105

_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}|\$\{")
_SECRET_NAME = re.compile(r"secret://(?!\.{1,2}(/|$))[\w.-]+(/(?!\.{1,2}(/|$))[\w.-]+)*", re.ASCII)


def substitute(node: Node, variables: Mapping[str, str], report: Report, location: Location = ()) -> Node:
    """Put the variables' values in place of ``${NAME}`` and ``${NAME:-default}``; ``$${`` stays ``${``.

    As in a shell, the default also holds where the variable is empty.
    """
    match node:
        case Block():
            entries = {
                key: Entry(place=entry.place, node=substitute(entry.node, variables, report, (*location, key)))
                for key, entry in node.entries.items()
            }
            return replace(node, entries=entries)
        case Items():
            nodes = (substitute(n, variables, report, (*location, str(i))) for i, n in enumerate(node.nodes))
            return replace(node, nodes=tuple(nodes))
        case _:
            return _substituted(node, variables, report, location)


def _substituted(scalar: Scalar, variables: Mapping[str, str], report: Report, location: Location) -> Scalar:
    if "${" not in scalar.text:
        return scalar

    mistakes: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        if match["name"] is None:
            mistakes.append("a reference is ${NAME} or ${NAME:-default}; $${ stands for ${ itself")
            return ""
        found, default = variables.get(match["name"]), match["default"]
        if default is not None:
            return found or default
        if found is None:
            name = match["name"]
            mistakes.append(f"the environment variable {name} is not set; ${{{name}:-…}} would give a default")
        return found or ""

    text = _REFERENCE.sub(value, scalar.text)
    for message in dict.fromkeys(mistakes):
        report.add(scalar.place, location, message)
    shown = f"what {scalar.text} stands for"
    return replace(scalar, text=text, loose=True, broken=bool(mistakes), shown=shown)


def check_secrets(root: Node, report: Report) -> None:
    """Note every ``secret://`` outside a target's environment, and every one without a proper name."""
    for location, scalar in scalars(root):
        if not scalar.text.startswith(SECRET):
            continue
        if not _in_environment(location):
            report.add(scalar.place, location, "secret:// is for values under a target's environment only")
        elif not _SECRET_NAME.fullmatch(scalar.text):
            message = "a secret is secret://NAME: letters, digits, dots, dashes and underscores, / between parts"
            report.add(scalar.place, location, message)


def _in_environment(location: Location) -> bool:
    return len(location) == 4 and location[0] == "targets" and location[2] == "environment"
