"""Read rtdeploy.yaml: from the file, the environment and flags to a checked :class:`~rtdeploy.spec.model.Spec`."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from rtdeploy.errors import Problem, SpecError
from rtdeploy.spec.composer import compose
from rtdeploy.spec.model import Budget, Load, Measured, Section, Serve, Spec
from rtdeploy.spec.precedence import Override, overridden
from rtdeploy.spec.reading import read_section
from rtdeploy.spec.shape import fields_of
from rtdeploy.spec.source import read_text
from rtdeploy.spec.substitution import check_secrets, substitute
from rtdeploy.spec.tree import Block, Node, Place, Report

__all__ = ["Measures", "load", "measures"]

_Section = TypeVar("_Section", bound=Section)

_MOST_SHOWN = 50


class Measures(NamedTuple):
    """What a bench needs to know, wherever it is aimed at."""

    load: Load
    budget: Budget
    serve: Serve


def load(path: Path, *, env: Mapping[str, str] | None = None, overrides: Mapping[str, Override] | None = None) -> Spec:
    """Read the whole file.

    Args:
        path: The file; paths in it are relative to its directory.
        env: Environment variables; default: the process's own.
        overrides: Dotted path of a setting → what a flag says instead.

    Raises:
        SpecError: mistakes, all of them, in file order.
        UsageError: there is no such file, or it cannot be read.

    """
    report = Report()
    root = compose(read_text(path), str(path), report)
    return _checked(Spec, root, path, os.environ if env is None else env, overrides or {}, report)


def measures(
    path: Path | None, *, env: Mapping[str, str] | None = None, overrides: Mapping[str, Override] | None = None
) -> Measures:
    """Read load, budget and serve alone, for a bench of any endpoint; without a file the defaults hold.

    The other sections may be missing, and are not checked.

    Raises:
        SpecError: mistakes, all of them, in file order.
        UsageError: there is no such file, or it cannot be read.

    """
    report = Report()
    root: Node | None = Block(place=Place(source="rtdeploy"), entries={})
    if path is not None:
        root = compose(read_text(path), str(path), report)
    if isinstance(root, Block):
        others = fields_of(Spec).keys() - fields_of(Measured).keys()
        root = Block(place=root.place, entries={k: e for k, e in root.entries.items() if k not in others})
    found = _checked(
        Measured, root, path or Path("rtdeploy"), os.environ if env is None else env, overrides or {}, report
    )
    return Measures(load=found.load, budget=found.budget, serve=found.serve)


def _checked(
    section: type[_Section],
    root: Node | None,
    path: Path,
    variables: Mapping[str, str],
    overrides: Mapping[str, Override],
    report: Report,
) -> _Section:
    """Run every step, so that one run shows the mistakes of all."""
    if not isinstance(root, Block):
        found = "is empty" if root is None else "must be a mapping: lines of the form `key: value`"
        place = Place(source=str(path), line=1, column=1)
        report.add(root.place if root else place, (), f"the file {found}")
        raise SpecError(report.problems, remedy="rtdeploy init writes a file to begin with.")
    tree = substitute(root, variables, report)
    tree = overridden(tree, section, variables, overrides, report)
    check_secrets(tree, report)
    assert isinstance(tree, Block)
    made = read_section(section, tree, path.parent, report)
    if report.problems or made is None:
        raise _mistakes(report.problems)
    return made


def _mistakes(problems: Iterable[Problem]) -> SpecError:
    ordered = _in_order(problems)
    if ordered[0].line:
        return SpecError(ordered)
    return SpecError(ordered, remedy=f"Correct {ordered[0].source} and run the command again.")


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    """File order, then environment and flags; what a screen cannot hold is counted."""
    ordered = sorted(problems, key=lambda problem: (problem.line == 0, problem.line, problem.column))
    more = len(ordered) - _MOST_SHOWN
    if more <= 0:
        return ordered
    last = Problem(source=ordered[0].source, line=0, column=0, path="", message=f"and {more} more")
    return [*ordered[:_MOST_SHOWN], last]
