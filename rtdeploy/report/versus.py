"""A comparison in words: on a terminal, and for a pull request."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rtdeploy.bench.comparison import Comparison
from rtdeploy.bench.result import Result
from rtdeploy.report import facts, words
from rtdeploy.report.lines import percentile
from rtdeploy.report.screen import STYLE, Pen

__all__ = ["NO_PAIRS", "Versus", "sentences"]

NO_PAIRS = "Too few rounds were complete to tell the targets apart; compare for longer."


class Versus:
    """A rich renderable: who holds the budget, the figures side by side, the differences in words."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        pen, comparison = Pen(ascii_only=options.ascii_only), self._comparison
        yield _headline(pen, comparison)
        for reason in comparison.reasons:
            yield Padding(pen.text(words.plain(reason)), (0, 0, 0, 2), expand=False)
        yield Text()
        yield _table(pen, comparison)
        yield Text()
        for told in sentences(comparison):
            yield Padding(pen.text(told), (0, 0, 0, 2), expand=False)
        yield Padding(pen.text(f"Run {words.plain(comparison.run_id)}", "dim"), (1, 0, 0, 2), expand=False)


def sentences(comparison: Comparison) -> list[str]:
    """How each differs from each."""
    told = [words.plain(sentence) for pair in comparison.pairs for sentence in pair.told]
    return [f"{sentence[0].upper()}{sentence[1:]}." for sentence in told] or [NO_PAIRS]


def _headline(pen: Pen, comparison: Comparison) -> Text:
    verdict = comparison.verdict
    told = f"  {' against '.join(map(words.plain, comparison.names))} · {words.count(comparison.rounds, 'round')}"
    told += f" of {words.exact(comparison.block_s, ' s')} each"
    told += " · interrupted" if comparison.interrupted else ""
    return pen.text(f"{words.SYMBOL[verdict]} {verdict.upper()}", STYLE[verdict]).append_text(pen.text(told))


def _table(pen: Pen, comparison: Comparison) -> Padding:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in ("Target", "p50", "p99", "Errors", "Requests", ""):
        table.add_column(heading, justify="left" if heading in {"Target", ""} else "right")
    for name, result in zip(comparison.names, comparison.results, strict=True):
        verdict = pen.text(f"{words.SYMBOL[result.verdict]} {result.verdict}", STYLE[result.verdict])
        table.add_row(pen.text(words.plain(name)), *(pen.text(cell) for cell in _cells(result)), verdict)
    return Padding(table, (0, 0, 0, 2), expand=False)


def _cells(result: Result) -> Iterator[str]:
    yield words.ms(percentile(result, "p50"))
    yield words.ms(percentile(result, "p99"))
    yield facts.errors(result)
    yield words.count(result.requests)
