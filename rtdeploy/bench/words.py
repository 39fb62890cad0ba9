"""Numbers as a reason says them: three digits, never an exponent."""

__all__ = ["number", "percent"]

_DIGITS = 3


def number(value: float) -> str:
    """``0.838``, ``12.3``, ``1,290``."""
    return f"{value:.{_DIGITS}g}" if abs(value) < 10**_DIGITS - 0.5 else f"{value:,.0f}"


def percent(share: float) -> str:
    """``0.1 %``; two digits."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"
