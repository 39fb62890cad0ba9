"""Flags of the commands that measure: what goes together, and what does not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtdeploy.bench.null import serving
from rtdeploy.cli.app import app

BENCH = ("bench", "--data", "body.json", "--warmup", "0.1s", "--json")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that answers everything, and a folder with a request body to work in."""
    monkeypatch.chdir(tmp_path)
    Path("body.json").write_text("{}")
    with serving() as address:
        yield address


def told(code: int, *arguments: str) -> dict[str, object]:
    """The document that a command prints, after it has ended with ``code``."""
    outcome = CliRunner().invoke(app, [*arguments])
    assert outcome.exit_code == code, outcome.output
    document: dict[str, object] = json.loads(outcome.stdout)
    return document


@pytest.mark.parametrize(
    ("flags", "summary"),
    [
        (("--until-decided", "--duration", "5s"), "--duration is for runs of a fixed length."),
        (("--max-duration", "5s"), "--max-duration goes with --until-decided."),
    ],
)
def test_a_length_that_the_run_would_not_keep_is_refused(url: str, flags: tuple[str, ...], summary: str) -> None:
    error = told(2, *BENCH, "--url", url, *flags)["error"]
    assert isinstance(error, dict)
    assert error["summary"] == summary


def test_a_run_until_decided_says_so_in_its_scenario(url: str) -> None:
    flags = ("--until-decided", "--max-duration", "40s", "--no-floor", "--rate", "100/s", "--p99", "0.001ms")
    result = told(3, *BENCH, "--url", url, *flags)
    assert result["scenario"] == result["scenario"] | {"until_decided": True, "duration_s": 40.0}  # type: ignore[operator]
    assert result["verdicts"] == {"p99_ms": "fail", "error_rate": "pass"}


def test_a_run_is_compared_with_an_earlier_one_by_its_name(url: str) -> None:
    flags = ("--url", url, "--duration", "1s", "--rate", "500/s", "--p99", "9s")
    first = told(0, *BENCH, *flags)
    outcome = CliRunner().invoke(app, [*BENCH, *flags, "--baseline", str(first["run_id"]), "--tolerance", "100%"])
    baseline = json.loads(outcome.stdout)["baseline"]
    assert (baseline["run_id"], baseline["tolerance"]) == (first["run_id"], 1.0)
    assert outcome.exit_code == {"pass": 0, "fail": 3, "inconclusive": 4, "invalid": 5}[baseline["verdict"]]


@pytest.mark.parametrize(
    ("flags", "summary"),
    [
        (("--tolerance", "5%"), "--tolerance goes with --baseline."),
        (("--baseline", "none"), "There is no run none."),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(url: str, flags: tuple[str, ...], summary: str) -> None:
    error = told(2, *BENCH, "--url", url, *flags)["error"]
    assert isinstance(error, dict)
    assert error["summary"] == summary


def test_two_addresses_are_compared_and_reported_again(url: str) -> None:
    asked = ("--duration", "2s", "--rate", "400/s", "--p99", "9s", "--warmup", "0.1s")
    flags = (*asked, "--no-floor", "--data", "body.json")
    comparison = told(0, "compare", "--url", url, "--url", url, *flags, "--html", "c.html", "--json")
    assert (comparison["schema"], comparison["names"]) == ("rtdeploy.compare/1", ["url 1", "url 2"])
    assert "url 1 against url 2" in Path("c.html").read_text()
    again = CliRunner().invoke(app, ["report", str(comparison["run_id"]), "--markdown", "c.md"])
    assert again.exit_code == 0
    assert again.stdout.startswith("✓ PASS  url 1 against url 2 · 2 rounds of 1 s each")
    assert Path("c.md").read_text().startswith("### ✓ url 1 against url 2")
    one = CliRunner().invoke(app, ["report", f"{comparison['run_id']}/2"])
    assert one.exit_code == 0


def test_a_capacity_is_searched_and_reported_again(url: str) -> None:
    asked = ("--rate", "2/s", "--p99", "0.001ms", "--step", "30s", "--throughput", "50/s")
    flags = (*asked, "--no-floor", "--data", "body.json")
    found = told(3, "capacity", "--url", url, *flags, "--html", "c.html", "--json")
    assert (found["schema"], found["rate_rps"]) == ("rtdeploy.capacity/1", None)
    assert "No rate holds the budget" in Path("c.html").read_text()
    again = CliRunner().invoke(app, ["report", str(found["run_id"]), "--markdown", "c.md"])
    assert again.exit_code == 0
    assert again.stdout.startswith("✗ FAIL  endpoint · no rate is known to hold")
    assert Path("c.md").read_text().startswith("### ✗ Capacity of endpoint")


@pytest.mark.parametrize("text", ["0s", "soon"])
def test_a_length_of_a_step_that_is_none_is_refused(url: str, text: str) -> None:
    error = told(2, "capacity", "--url", url, "--data", "body.json", "--step", text, "--json")["error"]
    assert isinstance(error, dict)
    assert str(error["summary"]).startswith("--step")


def test_one_target_is_not_enough_for_a_comparison(url: str) -> None:
    error = told(2, "compare", "--url", url, "--data", "body.json", "--json")["error"]
    assert isinstance(error, dict)
    assert error["summary"] == "Compare needs two targets or more, or two addresses."
