import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from rtdeploy import report
from rtdeploy.bench.result import Percentiles, Result, Verdict


def printed(result: Result, *, width: int = 100, encoding: str = "utf-8", **console: Any) -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding) as file:
        Console(file=file, width=width, highlight=False, **console).print(report.terminal(result))
        file.flush()
        return raw.getvalue().decode(encoding)


def test_the_verdict_comes_first_then_its_reasons(result: Result) -> None:
    first, second = printed(result).splitlines()[:2]

    assert first.startswith("✓ PASS  local · 12,000 requests · 200.1/s offered")
    assert second.strip().startswith("p99 3.1 ms ≤ 80 ms")


def test_every_line_of_the_budget_has_its_measured_value_and_interval(result: Result) -> None:
    row = next(line for line in printed(result).splitlines() if line.strip().startswith("p99 ≤"))

    assert re.split(r"\s{2,}", row.strip()) == ["p99 ≤ 80 ms", "3.10 ms", "2.90 ms to 3.40 ms", "✓ pass"]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(result: Result, width: int) -> None:
    assert max(map(cell_len, printed(result, width=width).splitlines())) <= width


def test_a_pipe_gets_no_escape_codes(result: Result) -> None:
    assert "\x1b" not in printed(result)


def test_a_terminal_gets_colour_unless_no_color_is_set(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = printed(result, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = printed(result, force_terminal=True)

    assert "\x1b[1;32m" in coloured
    assert "32m" not in plain


def test_an_ascii_terminal_gets_ascii(result: Result) -> None:
    assert "+ PASS" in printed(result, encoding="ascii")


def test_foreign_text_cannot_drive_the_terminal(hostile: Result) -> None:
    assert "\x1b" not in printed(hostile)


def test_markup_of_rich_in_foreign_text_is_shown_as_it_is(result: Result) -> None:
    assert "[red]x[/red]" in printed(replace(result, target="[red]x[/red]"))


def test_an_interrupted_run_says_so(result: Result) -> None:
    assert "interrupted" in printed(replace(result, interrupted=True, verdict=Verdict.INCONCLUSIVE))


def test_every_case_of_a_run_can_be_printed(cases: dict[str, Any]) -> None:
    for run in cases.values():
        assert run.result.verdict.upper() in printed(run.result).splitlines()[0]


def test_the_noise_floor_stands_beside_the_figures(result: Result) -> None:
    noisy = replace(result, generator=replace(result.generator, floor_ms=Percentiles(p99=0.31)))

    assert "noise floor p99 0.31 ms" in printed(noisy)
    assert "noise floor" not in printed(result)


def test_what_is_worse_than_the_baseline_stands_below_the_reasons(regressed: Result) -> None:
    text = printed(regressed)

    assert "✗ Worse than the baseline.  20261101-000000-aaaaaa" in text
    assert "p99 is worse than the baseline: 3 ms then" in " ".join(text.split())
