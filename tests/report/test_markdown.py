import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtdeploy import report
from rtdeploy.bench.result import Result, Verdict

GOLDEN = Path(__file__).with_name("comment.md")


def test_a_comment_looks_like_the_one_that_was_looked_at(result: Result) -> None:
    missed = replace(
        result,
        target="canary",
        verdict=Verdict.FAIL,
        verdicts={
            "p50_ms": Verdict.PASS,
            "p99_ms": Verdict.PASS,
            "error_rate": Verdict.FAIL,
            "throughput_rps": Verdict.PASS,
        },
        errors=24,
        errors_by_kind={"timeout": 20, "http_503": 4},
        reasons=("errors 0.2 % > 0.1 % (24 of 12,000 requests; at 95 % at most 0.28 %).",),
    )

    assert report.markdown([result, missed]) == GOLDEN.read_text(encoding="utf-8")


def test_foreign_text_cannot_become_markup_a_cell_or_a_mention(hostile: Result) -> None:
    text = re.sub(r"`[^`]*`$", "", report.markdown([hostile]), flags=re.MULTILINE)
    rows = [line for line in text.splitlines() if line.startswith("|")]

    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", text)
    assert "@all" not in text
    assert all(len(re.findall(r"(?<!\\)\|", row)) in {3, 4, 5, 9} for row in rows)


def test_details_are_folded_away(result: Result) -> None:
    before, after = report.markdown([result]).split("<details>")

    assert "p99 3.1 ms ≤ 80 ms" in before
    assert "| python | 3.11.7 |" in after


def test_every_case_of_a_run_can_be_written(cases: dict[str, Any]) -> None:
    text = report.markdown([run.result for run in cases.values()])

    assert text.count("<details>") == text.count("</details>") == len(cases)
    assert "None" not in text
    assert "nan" not in text


def test_a_regression_is_told_with_its_reasons(regressed: Result) -> None:
    text = report.markdown([regressed])

    assert "**✗ Worse than the baseline.** (20261101-000000-aaaaaa)\n\n- p99 is worse" in text
