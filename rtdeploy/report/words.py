"""How numbers, verdicts and foreign text are worded, the same in every format."""

import math
import unicodedata
from typing import Protocol

from rtdeploy.bench.result import Result, Verdict

__all__ = [
    "AGAINST",
    "MEANING",
    "NOT_MEASURED",
    "SYMBOL",
    "Written",
    "count",
    "exact",
    "interval",
    "ms",
    "percent",
    "plain",
    "rate",
    "subject",
]

NOT_MEASURED = "\N{EN DASH}"

SYMBOL = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?", Verdict.INVALID: "!"}
"""One character for each verdict, so that colour is never the only sign."""

MEANING = {
    Verdict.PASS: "The budget is met.",
    Verdict.FAIL: "The budget is missed.",
    Verdict.INCONCLUSIVE: "There is too little evidence either way.",
    Verdict.INVALID: "The measurement cannot be trusted.",
}


AGAINST = {
    Verdict.PASS: "No worse than the baseline.",
    Verdict.FAIL: "Worse than the baseline.",
    Verdict.INCONCLUSIVE: "Whether it is worse than the baseline is not shown.",
    Verdict.INVALID: "Not compared with the baseline.",
}


class Written(Protocol):
    """How a quantity is written; ``digits`` asks for so many more than usual."""

    def __call__(self, value: float | None, /, *, digits: int = 0) -> str:
        """Write a value; None and NaN are not measured."""


def ms(value: float | None, *, digits: int = 0) -> str:
    """Milliseconds with about three significant digits, ``digits`` more on request; infinite means a failure."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    if math.isinf(value):
        return "failed"
    size = abs(value)
    decimals = 3 if size < 0.1 else 2 if size < 10 else 1 if size < 100 else 0
    if value == 0:
        decimals = 0
    return f"{value:,.{decimals + digits}f} ms"


def percent(share: float | None, *, digits: int = 0) -> str:
    """A share between 0 and 1 as a percentage, at least two significant digits, ``digits`` more on request."""
    if share is None or math.isnan(share):
        return NOT_MEASURED
    value = share * 100
    if value == 0:
        return "0 %"
    decimals = max(1, 1 - math.floor(math.log10(abs(value)))) + digits
    text = f"{value:.{min(decimals, 9)}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def rate(per_second: float | None, *, digits: int = 0) -> str:
    """A rate in requests per second."""
    if per_second is None or math.isnan(per_second):
        return NOT_MEASURED
    decimals = (2 if per_second < 10 else 1) + digits
    text = f"{per_second:,.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.')}/s"


def interval(low: float | None, high: float | None, write: Written = ms) -> str:
    """``2.9 ms to 3.4 ms``; one end alone where the evidence does not reach the other, empty where to neither."""
    if high is None:
        return "" if low is None else f"from {write(low)}"
    return f"to {write(high)}" if low is None else f"{write(low)} to {write(high)}"


def exact(value: float, unit: str) -> str:
    """A number that somebody chose, as it was written: ``80 ms``, ``0.05 ms``."""
    return f"{value:,.10g}{unit}"


def count(number: int, noun: str = "") -> str:
    """A number of things, in thousands: ``12,000 requests``, ``1 request``."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def plain(text: object) -> str:
    """Foreign text on one line, without the control characters that terminals and XML choke on."""
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Cn"} else character


def subject(result: Result) -> str:
    """What was measured, the same from run to run: the name of the target, ``endpoint`` where there is none."""
    return plain(result.target or "endpoint")
