import math

import pytest

from rtdeploy.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ms"), (0.0346, "0.035 ms"), (1.204, "1.20 ms"), (31.26, "31.3 ms"), (163.6, "164 ms"),
        (12345.6, "12,346 ms"), (None, words.NOT_MEASURED), (math.nan, words.NOT_MEASURED), (math.inf, "failed"),
    ],
)  # fmt: skip
def test_milliseconds_keep_about_three_digits(value: float | None, text: str) -> None:
    assert words.ms(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.001, "0.1 %"), (0.000667, "0.067 %"), (0.123, "12.3 %"), (0.9987, "99.9 %"), (1.0, "100 %")],
)
def test_percentages_keep_two_digits_however_small(share: float, text: str) -> None:
    assert words.percent(share) == text


def test_one_is_singular() -> None:
    assert (words.count(1, "request"), words.count(1500, "request")) == ("1 request", "1,500 requests")


def test_foreign_text_keeps_to_its_line_and_controls_nothing() -> None:
    assert words.plain("a\nb\x1b[31mc\u202ed") == "a b�[31mc�d"
