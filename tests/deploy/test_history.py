"""The history of a target survives crashes and says what can be gone back to."""

import json
import threading
from pathlib import Path

import pytest

from rtdeploy.deploy import Entry, History, Outcome, previous_digest


def entry(digest: str = "sha256:a", action: str = "deploy", outcome: Outcome = Outcome.DONE) -> Entry:
    return Entry(
        when="2026-01-01T00:00:00+00:00", who="me@here", action=action, outcome=outcome, seconds=1.5, digest=digest
    )


def test_a_target_without_history_has_none(tmp_path: Path) -> None:
    assert History(tmp_path, "local").read() == ()


def test_what_is_appended_is_read_in_order(tmp_path: Path) -> None:
    history = History(tmp_path, "local")
    for digest in "abc":
        history.append(entry(digest))
    assert [found.digest for found in history.read()] == ["a", "b", "c"]
    assert history.read()[0] == entry("a")


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    history = History(tmp_path, "local")
    history.append(entry("a"))
    history.append(entry("b"))
    whole = history.file.read_bytes()
    history.file.write_bytes(whole[:-20])
    assert [found.digest for found in history.read()] == ["a"]
    history.append(entry("c"))
    assert [found.digest for found in history.read()] == ["a", "c"]


def test_a_line_of_a_newer_release_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    history = History(tmp_path, "local")
    history.append(entry("a"))
    line = json.loads(history.file.read_text())
    history.file.write_text(
        json.dumps({**line, "mood": "good"}) + "\n" + json.dumps({**line, "outcome": "odd"}) + "\n[]\n"
    )
    assert [found.digest for found in history.read()] == ["a"]


def test_lines_that_are_appended_at_once_do_not_mix(tmp_path: Path) -> None:
    history = History(tmp_path, "local")

    def write() -> None:
        for _ in range(20):
            history.append(entry("x" * 500))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history.read()) == 80


@pytest.mark.parametrize(
    ("story", "current", "previous"),
    [
        ((), "a", None),
        ((entry("a"),), "a", None),
        ((entry("a"), entry("b")), "b", "a"),
        ((entry("a"), entry("b"), entry("b")), "b", "a"),
        ((entry("a"), entry("b", outcome=Outcome.FAILED)), "a", None),
        ((entry("a"), entry("b"), entry("c"), entry("b", "rollback")), "b", "a"),
        ((entry("a"), entry("b"), entry("a", "rollback"), entry("c")), "c", "a"),
        ((entry("a"), entry("", "destroy"), entry("b")), "b", None),
        ((entry("a"),), "deployed elsewhere", "a"),
        ((entry("a"), entry("b"), entry("b", "gc")), "b", "a"),
    ],
)
def test_what_served_before(story: tuple[Entry, ...], current: str, previous: str | None) -> None:
    assert previous_digest(story, current) == previous
