"""Quantities are read with their unit, and written with the one that reads best."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdeploy.spec.units import Duration, Quantity, Rate, Ratio, Size

QUANTITIES = [Duration, Rate, Size, Ratio]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration, "80ms", 0.08),
        (Duration, "1.5h", 5400),
        (Duration, ".5s", 0.5),
        (Duration, " 2 m ", 120),
        (Rate, "200/s", 200),
        (Rate, "60/m", 1),
        (Size, "8GiB", 8 * 2**30),
        (Size, "1kB", 1000),
        (Ratio, "0.1%", 0.001),
        (Ratio, "100%", 1),
    ],
)
def test_a_quantity_is_read_in_its_base_unit(kind: type[Quantity], text: str, value: float) -> None:
    assert kind.parse(text) == kind(value)


@pytest.mark.parametrize("kind", QUANTITIES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        "ms",
        "-1s",
        "-1/s",
        "1e3s",
        "1,5s",
        "\N{ARABIC-INDIC DIGIT ONE}s",
        "1S",
        "nan%",
        "1 2s",
        "80ms\nx",
        "1" * 99 + "s",
        3,
        None,
        True,
    ],
)
def test_anything_else_is_refused_with_an_example(kind: type[Quantity], text: object) -> None:
    with pytest.raises(ValueError, match=f"like {kind.example}"):
        kind.parse(text)


def test_a_share_ends_at_100_percent() -> None:
    with pytest.raises(ValueError, match="more than 100%"):
        Ratio.parse("100.1%")


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Duration(0), "0s"),
        (Duration(0.08), "80ms"),
        (Duration(90), "1.5m"),
        (Rate(0.5), "30/m"),
        (Size(2**30), "1GiB"),
        (Ratio(0.001), "0.1%"),
        (Ratio(0), "0%"),
    ],
)
def test_a_quantity_is_written_as_it_reads_best(quantity: Quantity, text: str) -> None:
    assert str(quantity) == text


@given(kind=st.sampled_from(QUANTITIES), value=st.floats(0.001, 1))
def test_what_is_written_is_read_again(kind: type[Quantity], value: float) -> None:
    assert kind.parse(str(kind(value))).value == pytest.approx(value)
