"""Splitting, promoting and going back."""

from pathlib import Path

import pytest

from rtdeploy.bundle import Bundle, package
from rtdeploy.deploy import Entry, History, Outcome, Silent, changing, make_plan, promote, rollback, rollout, split
from rtdeploy.deploy.contract import Context, Feature, Observed, Support
from rtdeploy.deploy.desired import desired_of
from rtdeploy.errors import RtdeployError, UsageError
from rtdeploy.spec.model import Spec
from rtdeploy.testing.memory import FEATURES, MemoryProvider
from rtdeploy.testing.platform import Behaviour, Platform
from tests.deploy.conftest import QUICK, Make


def weights(observed: Observed | None) -> dict[str, int]:
    return {v.name: v.weight for v in observed.versions} if observed else {}


@pytest.fixture
def two(make: Make, provider: MemoryProvider) -> MemoryProvider:
    """v1 serves, v2 is ready without traffic."""
    provider.create(make(1), "v1")
    provider.create(make(2), "v2")
    for _ in range(3):
        provider.observe("local")
    return provider


def test_traffic_is_split_and_versions_that_are_not_named_get_none(two: MemoryProvider) -> None:
    assert weights(split(two, "local", {"v1": 90, "v2": 10}, pace=QUICK)) == {"v1": 90, "v2": 10}
    assert weights(split(two, "local", {"v2": 100}, pace=QUICK)) == {"v1": 0, "v2": 100}


def test_splitting_as_it_is_already_changes_nothing(two: MemoryProvider) -> None:
    before = two.observe("local")
    assert split(two, "local", {"v1": 100, "v2": 0}, pace=QUICK) == before


@pytest.mark.parametrize(
    ("shares", "words", "remedy"),
    [
        ({"v1": 90, "v2": 20}, "sums to 110, not to 100", "v1=90 v2=10"),
        ({"v1": 150, "v2": -50}, "v1=150 is not between 0 and 100", "v1=90 v2=10"),
        ({}, "sums to 0", "v1=90 v2=10"),
        ({"v1": 90, "v3": 10}, "local has no version 'v3'", "There are: v1, v2."),
    ],
)
def test_a_wrong_split_is_refused_with_what_is_right(
    two: MemoryProvider, shares: dict[str, int], words: str, remedy: str
) -> None:
    with pytest.raises(UsageError, match=words) as error:
        split(two, "local", shares, pace=QUICK)
    assert remedy in error.value.remedy
    assert weights(two.observe("local")) == {"v1": 100, "v2": 0}


def test_a_version_that_does_not_answer_gets_no_traffic(make: Make, two: MemoryProvider) -> None:
    two.create(make(3, behaviour=Behaviour.NEVER_STARTS), "v3")
    with pytest.raises(RtdeployError, match="v3 of local is pending and would not answer"):
        split(two, "local", {"v1": 90, "v3": 10}, pace=QUICK)


def test_a_split_is_refused_where_the_platform_has_none_and_a_move_is_not(two: MemoryProvider) -> None:
    two.features = {**FEATURES, Feature.CANARY: Support(available=False, note="one version at a time")}
    with pytest.raises(UsageError, match="has no canary") as error:
        split(two, "local", {"v1": 90, "v2": 10}, pace=QUICK)
    assert error.value.detail == "one version at a time"
    assert weights(split(two, "local", {"v2": 100}, pace=QUICK)) == {"v1": 0, "v2": 100}


def test_nothing_deployed_is_said_with_the_command_that_deploys(provider: MemoryProvider) -> None:
    with pytest.raises(UsageError, match="local is not deployed") as error:
        promote(provider, "local", pace=QUICK)
    assert error.value.remedy == "rtdeploy deploy local"


def test_promoting_gives_the_newest_ready_version_everything(make: Make, two: MemoryProvider) -> None:
    two.create(make(3, behaviour=None), "v3")
    assert weights(promote(two, "local", pace=QUICK)) == {"v2": 100}
    assert weights(promote(two, "local", pace=QUICK)) == {"v2": 100}


def test_promoting_needs_a_version_that_is_ready(make: Make, provider: MemoryProvider) -> None:
    provider.create(make(behaviour=None), "v1")
    with pytest.raises(RtdeployError, match="No version of local is ready"):
        promote(provider, "local", pace=QUICK)


# Going back.


class Project:
    """A real project whose model is a Python class with a number in it, deployed to the toy platform."""

    def __init__(self, root: Path, provider: MemoryProvider) -> None:
        self.root = root
        self.store = root / ".rtdeploy" / "bundles"
        self.home = root / ".rtdeploy"
        self.provider = provider
        (root / "sample.json").write_text(
            '{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [1.0]}]}'
        )
        self.spec = Spec.model_validate(
            {
                "name": "toy",
                "model": {"python": "scorer:Scorer", "sample": "sample.json"},
                "targets": {"local": {"provider": "memory", "replicas": 1, "region": "here", "port": 0}},
            }
        )

    def package(self, number: int) -> Bundle:
        (self.root / "scorer.py").write_text(
            f"class Scorer:\n"
            f"    def load(self, directory):\n        self.number = {number}\n"
            f"    def predict(self, inputs):\n        return {{'y': inputs['x'] * self.number}}\n"
        )
        return package(self.spec.model, name="toy", root=self.root, store=self.store)

    def deploy(self, number: int) -> str:
        bundle = self.package(number)
        desired = desired_of(self.spec, "local", bundle)
        plan = make_plan(desired, self.provider.observe("local"), self.provider)
        with changing(self.home, "local", action="deploy", plan=plan) as record:
            record.after = rollout(plan, desired, self.provider, sample=bundle.sample, progress=Silent(), pace=QUICK)
        return bundle.digest

    def rollback(self) -> str:
        with changing(self.home, "local", action="rollback") as record:
            record.before = self.provider.observe("local")
            record.after = rollback(
                self.provider,
                "local",
                spec=self.spec,
                store=self.store,
                history=History(self.home, "local").read(),
                progress=Silent(),
                pace=QUICK,
            )
        return record.after.versions[-1].digest


@pytest.fixture
def project(tmp_path: Path, provider: MemoryProvider) -> Project:
    return Project(tmp_path, provider)


def test_going_back_deploys_the_bundle_before_and_twice_goes_two_steps(project: Project) -> None:
    one, two, _ = (project.deploy(number) for number in (1, 2, 3))
    assert project.rollback() == two
    assert project.rollback() == one
    with pytest.raises(RtdeployError, match="nothing to go back to"):
        project.rollback()
    assert [entry.outcome for entry in History(project.home, "local").read()][-2:] == [Outcome.DONE, Outcome.FAILED]


def test_going_back_fails_clearly_where_the_bundle_is_gone_from_the_store(project: Project) -> None:
    import shutil

    one, two = project.deploy(1), project.deploy(2)
    shutil.rmtree(project.store / f"toy-{one[7:19]}")
    with pytest.raises(RtdeployError, match="not in the store any more"):
        project.rollback()
    observed = project.provider.observe("local")
    assert observed is not None
    assert [v.digest for v in observed.versions] == [two]


def test_going_back_moves_the_traffic_where_the_version_before_still_runs(
    make: Make, two: MemoryProvider, tmp_path: Path
) -> None:
    split(two, "local", {"v1": 20, "v2": 80}, pace=QUICK)
    back = rollback(
        two,
        "local",
        spec=Project(tmp_path, two).spec,
        store=tmp_path,
        history=(),
        progress=Silent(),
        pace=QUICK,
    )
    assert weights(back) == {"v1": 100}
    assert back.versions[0].digest == make(1).digest


def test_going_back_does_not_count_a_version_that_is_dead(
    make: Make, two: MemoryProvider, platform: Platform, context: Context, tmp_path: Path
) -> None:
    split(two, "local", {"v2": 100}, pace=QUICK)
    platform.crash(("p", "local"), "v1")
    with pytest.raises(RtdeployError, match="nothing to go back to"):
        rollback(
            two, "local", spec=Project(tmp_path, two).spec, store=tmp_path, history=(), progress=Silent(), pace=QUICK
        )


def test_an_entry_of_somebody_elses_deploy_is_no_obstacle(project: Project) -> None:
    one = project.deploy(1)
    bundle = project.package(2)
    desired = desired_of(project.spec, "local", bundle)
    plan = make_plan(desired, project.provider.observe("local"), project.provider)
    rollout(plan, desired, project.provider, sample=bundle.sample, progress=Silent(), pace=QUICK)
    assert all(isinstance(entry, Entry) for entry in History(project.home, "local").read())
    assert project.rollback() == one
