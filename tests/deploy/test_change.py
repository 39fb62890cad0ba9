"""A change is made by one at a time and written down whatever comes of it."""

from pathlib import Path

import pytest

from rtdeploy.deploy import History, Outcome, Silent, changing, make_plan, rollout
from rtdeploy.errors import ConflictError, QuotaError, RolloutError
from rtdeploy.testing.memory import MemoryProvider
from rtdeploy.testing.platform import Behaviour
from tests.deploy.conftest import QUICK, SAMPLE, Make


def deploy(
    make: Make, provider: MemoryProvider, home: Path, bundle: int, behaviour: Behaviour = Behaviour.ECHO
) -> None:
    desired = make(bundle, behaviour=behaviour)
    plan = make_plan(desired, provider.observe("local"), provider)
    with changing(home, "local", action="deploy", plan=plan) as record:
        record.after = rollout(plan, desired, provider, sample=SAMPLE, progress=Silent(), pace=QUICK)


def test_every_change_leaves_a_line_that_says_how_it_ended(
    make: Make, provider: MemoryProvider, tmp_path: Path
) -> None:
    deploy(make, provider, tmp_path, 1)
    with pytest.raises(RolloutError):
        deploy(make, provider, tmp_path, 2, Behaviour.FAILS)
    deploy(make, provider, tmp_path, 3)
    lines = History(tmp_path, "local").read()
    assert [(e.version, e.from_version, e.digest, e.outcome) for e in lines] == [
        ("v1", "", make(1).digest, Outcome.DONE),
        ("v2", "v1", make(2, behaviour=Behaviour.FAILS).digest, Outcome.FAILED),
        ("v2", "v1", make(3).digest, Outcome.DONE),
    ]
    assert "answers the sample with 500" in lines[1].error
    assert all("@" in e.who and e.plan and e.plan["schema"] == "rtdeploy.plan/1" for e in lines)


def test_a_plan_with_nothing_to_do_leaves_no_line(make: Make, provider: MemoryProvider, tmp_path: Path) -> None:
    deploy(make, provider, tmp_path, 1)
    deploy(make, provider, tmp_path, 1)
    assert len(History(tmp_path, "local").read()) == 1


def test_an_interrupted_change_is_written_down_as_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), changing(tmp_path, "local", action="destroy"):
        raise KeyboardInterrupt
    (line,) = History(tmp_path, "local").read()
    assert (line.action, line.outcome) == ("destroy", Outcome.STOPPED)


def test_two_rollouts_of_one_target_do_not_happen_at_once(make: Make, provider: MemoryProvider, tmp_path: Path) -> None:
    with changing(tmp_path, "local", action="deploy"), pytest.raises(ConflictError) as error:
        deploy(make, provider, tmp_path, 1)
    assert "`rtdeploy deploy local`" in error.value.detail
    assert provider.observe("local") is None


def test_a_history_that_cannot_be_written_does_not_hide_that_the_change_was_made(
    make: Make, provider: MemoryProvider, tmp_path: Path
) -> None:
    (tmp_path / "history").write_text("in the way")
    with pytest.raises(QuotaError, match="local was changed, but its history could not be written"):
        deploy(make, provider, tmp_path, 1)
    assert provider.observe("local") is not None
