"""A result on a terminal: the verdict, its reasons, the budget against what was measured."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rtdeploy.bench.result import Result, Verdict
from rtdeploy.report import facts, words
from rtdeploy.report.lines import Line, lines

__all__ = ["STYLE", "Pen", "Screen"]

STYLE = {
    Verdict.PASS: "bold green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.INVALID: "bold magenta",
}
_ASCII = {"✓": "+", "✗": "x", "≤": "<=", "≥": ">=", words.NOT_MEASURED: "-", "·": "|", "…": "..."}
_NARROW = 72


class Screen:
    """A rich renderable; colour only where the console has it, nothing but ASCII where that is all it can write."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        pen = Pen(ascii_only=options.ascii_only)
        yield _headline(pen, self._result)
        for reason in self._result.reasons:
            yield Padding(pen.text(words.plain(reason)), (0, 0, 0, 2), expand=False)
        yield from _baseline(pen, self._result)
        budget = lines(self._result)
        if budget:
            yield Text()
            yield _budget(pen, budget, narrow=options.max_width < _NARROW)
        yield Text()
        yield _figures(pen, self._result)


class Pen:
    """Writes text as the console can show it."""

    def __init__(self, *, ascii_only: bool) -> None:
        self._ascii_only = ascii_only

    def text(self, content: str, style: str = "") -> Text:
        """Styled, without markup."""
        if self._ascii_only:
            content = "".join(_ASCII.get(character, character) for character in content)
            content = content.encode("ascii", "replace").decode()
        return Text(content, style=style)


def _headline(pen: Pen, result: Result) -> Text:
    verdict = result.verdict
    told = f"  {words.subject(result)} · {words.count(result.requests, 'request')} · {facts.load(result)}"
    told += " · interrupted" if result.interrupted else ""
    return pen.text(f"{words.SYMBOL[verdict]} {verdict.upper()}", STYLE[verdict]).append_text(pen.text(told))


def _baseline(pen: Pen, result: Result) -> Iterator[RenderableType]:
    against = result.baseline
    if against is None:
        return
    verdict = pen.text(f"{words.SYMBOL[against.verdict]} {words.AGAINST[against.verdict]}", STYLE[against.verdict])
    yield verdict.append_text(pen.text(f"  {words.plain(against.run_id)}", "not bold"))
    for reason in against.reasons:
        yield Padding(pen.text(words.plain(reason)), (0, 0, 0, 2), expand=False)


def _budget(pen: Pen, budget: tuple[Line, ...], *, narrow: bool) -> Padding:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("Budget")
    table.add_column("Measured", justify="right")
    if not narrow:
        table.add_column(pen.text("95 % interval"))
    table.add_column("")
    for line in budget:
        verdict = pen.text(f"{words.SYMBOL[line.verdict]} {line.verdict}", STYLE[line.verdict])
        interval = () if narrow else (pen.text(line.interval_text),)
        table.add_row(pen.text(line.label), pen.text(line.measured_text), *interval, verdict)
    return Padding(table, (0, 0, 0, 2), expand=False)


def _figures(pen: Pen, result: Result) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for label, told in _told(result):
        table.add_row(pen.text(label), pen.text(told))
    return Padding(table, (0, 0, 0, 2), expand=False)


def _told(result: Result) -> Iterator[tuple[str, str]]:
    yield (
        "Latency",
        " · ".join(
            f"{name} {value}" for name, value in facts.percentiles(result.latency_ms, failures=result.errors > 0)
        ),
    )
    kinds = ", ".join(f"{words.plain(kind)} {words.count(number)}" for kind, number in result.errors_by_kind.items())
    yield "Errors", f"{facts.errors(result)}: {kinds}" if kinds else facts.errors(result)
    yield "Generator", f"{facts.trust(result)}: {facts.generator(result)}"
    yield "Run", words.plain(result.run_id)
