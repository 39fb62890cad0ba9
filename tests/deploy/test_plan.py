"""What a plan says about a difference, and what it does about it."""

import json
from dataclasses import replace

import pytest

from rtdeploy.deploy import Action, Plan, make_plan
from rtdeploy.deploy.contract import Desired, Endpoint, Json, Observed, State, Version, digest_of
from rtdeploy.deploy.plan import About, active_of, next_version
from rtdeploy.errors import UsageError
from rtdeploy.testing.memory import MemoryProvider
from tests.deploy.conftest import Make


def version(desired: Desired, name: str = "v1", *, weight: int = 100, state: State = State.READY) -> Version:
    """Read a desired version back as a platform would."""
    return Version(
        name=name,
        digest=desired.digest,
        state=state,
        weight=weight,
        settings=desired.settings,
        serve=desired.serve,
        environment_digest=digest_of(desired.environment),
    )


def seen(*versions: Version, state: State = State.READY) -> Observed:
    return Observed(target="local", revision="7", state=state, versions=versions, endpoint=Endpoint(url="http://x"))


def fields(plan: Plan) -> list[tuple[str, Json, Json]]:
    return [(change.field, change.old, change.new) for change in plan.changes]


def test_nothing_observed_is_created(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), None, provider)
    assert (plan.action, plan.version, plan.revision, plan.creates) == (Action.CREATE, "v1", None, True)
    assert ("replicas", None, 1) in fields(plan)
    assert plan.describe()[0] == "local (memory): create v1"
    assert "  + replicas: 1" in plan.describe()


def test_an_endpoint_without_versions_is_created_from_its_revision(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), seen(), provider)
    assert (plan.action, plan.revision) == (Action.CREATE, "7")


def test_what_is_as_it_should_be_needs_nothing(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), seen(version(make())), provider)
    assert plan.empty
    assert plan.changes == ()
    assert plan.describe() == ["local (memory): nothing to do, v1 is what the file asks for"]


def test_numbers_are_compared_by_value_and_truth_is_not_a_number(make: Make, provider: MemoryProvider) -> None:
    one = version(make())
    assert make_plan(make(settings={"replicas": 1.0}), seen(one), provider).empty
    assert not make_plan(make(settings={"replicas": True}), seen(one), provider).empty


def test_a_new_bundle_is_rolled_out_beside_the_old_one(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(2), seen(version(make(1))), provider)
    assert (plan.action, plan.version, plan.creates, plan.outage) == (Action.REPLACE, "v2", True, False)
    assert fields(plan) == [("bundle", make(1).digest, make(2).digest)]
    assert "Replace: v2 is started beside what serves" in "\n".join(plan.describe())


def test_a_field_that_runs_can_take_is_updated_in_place(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(settings={"replicas": 3}), seen(version(make())), provider)
    assert (plan.action, plan.version, plan.updates, plan.creates) == (Action.UPDATE, "v1", True, False)
    assert plan.describe() == ["local (memory): update v1 in place", "  ~ replicas: 1 → 3  (in place)"]


def test_one_field_that_needs_a_replacement_replaces(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(settings={"replicas": 3, "region": "there"}), seen(version(make())), provider)
    assert (plan.action, plan.version) == (Action.REPLACE, "v2")


def test_values_are_shown_as_they_would_be_written(make: Make, provider: MemoryProvider) -> None:
    old, new = {"ttl_s": 1.5, "replicas": 2**50, "label": True}, {"ttl_s": 90.0, "label": ["a", {"b": None}]}
    plan = make_plan(make(settings=new), seen(version(make(settings=old))), provider)
    assert plan.describe()[1:] == [
        "  ~ label: true → a, b=(none)  (in place)",
        "  ~ replicas: 1125899906842624 → 1  (in place)",
        "  ~ ttl_s: 1.5 → 90  (in place)",
    ]


def test_an_outage_is_told_in_words(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(settings={"port": 8080}), seen(version(make())), provider)
    assert (plan.action, plan.outage, plan.creates) == (Action.REPLACE, True, True)
    assert "answers no request" in plan.describe()[-1]


def test_a_field_that_is_taken_out_of_the_file_is_a_change(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), seen(version(make(settings={"ttl_s": 60}))), provider)
    assert fields(plan) == [("ttl_s", 60, None)]


def test_the_environment_is_compared_and_never_shown(make: Make, provider: MemoryProvider) -> None:
    old, new = make(environment={"TOKEN": "old-hunter2"}), make(environment={"TOKEN": "new-hunter2"})
    plan = make_plan(new, seen(version(old)), provider)
    shown = json.dumps(plan.to_json()) + repr(plan) + "\n".join(plan.describe())
    assert [change.about for change in plan.changes] == [About.ENVIRONMENT]
    assert "hunter2" not in shown
    assert digest_of(new.environment) not in shown


def test_split_traffic_is_a_difference_even_where_the_bundle_is_right(make: Make, provider: MemoryProvider) -> None:
    one, two = version(make(1), weight=90), version(make(2), "v2", weight=10)
    plan = make_plan(make(1), seen(one, two), provider)
    assert (plan.action, plan.version, plan.creates, plan.updates) == (Action.UPDATE, "v1", False, False)
    assert fields(plan) == [("traffic", {"v1": 90, "v2": 10}, {"v1": 100}), ("versions", ["v1", "v2"], ["v1"])]


def test_a_left_over_version_is_a_difference(make: Make, provider: MemoryProvider) -> None:
    left = version(make(2), "v2", weight=0, state=State.FAILED)
    plan = make_plan(make(1), seen(version(make(1)), left), provider)
    assert fields(plan) == [("versions", ["v1", "v2"], ["v1"])]


def test_a_version_that_is_wanted_and_runs_already_is_taken_over(make: Make, provider: MemoryProvider) -> None:
    waiting = version(make(2), "v2", weight=0, state=State.PENDING)
    plan = make_plan(make(2), seen(version(make(1)), waiting), provider)
    assert (plan.action, plan.version, plan.creates) == (Action.REPLACE, "v2", False)
    assert ("traffic", {"v1": 100}, {"v2": 100}) in fields(plan)
    assert "runs already" in plan.describe()[-1]


def test_a_failed_version_is_not_taken_over(make: Make, provider: MemoryProvider) -> None:
    dead = version(make(2), "v2", weight=0, state=State.FAILED)
    assert make_plan(make(2), seen(version(make(1)), dead), provider).version == "v3"


def test_a_degraded_version_is_mended_in_place(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), seen(version(make(), state=State.DEGRADED), state=State.DEGRADED), provider)
    assert (plan.action, plan.updates) == (Action.UPDATE, True)
    assert fields(plan) == [("state", "degraded", "ready")]


def test_an_endpoint_that_nobody_supervises_is_mended_in_place(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), seen(version(make()), state=State.DEGRADED), provider)
    assert (plan.action, plan.updates) == (Action.UPDATE, True)


def test_a_version_on_its_way_is_waited_for(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), seen(version(make(), state=State.PENDING), state=State.PENDING), provider)
    assert (plan.action, plan.updates, plan.creates) == (Action.UPDATE, False, False)


def test_a_failed_version_is_replaced_by_a_new_one_of_the_same_bundle(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(), seen(version(make(), state=State.FAILED), state=State.FAILED), provider)
    assert (plan.action, plan.version, plan.creates) == (Action.REPLACE, "v2", True)
    assert fields(plan) == [("state", "failed", "ready")]


def test_a_failed_version_is_not_updated_in_place(make: Make, provider: MemoryProvider) -> None:
    dead = version(make(), state=State.FAILED)
    assert make_plan(make(settings={"replicas": 2}), seen(dead), provider).action is Action.REPLACE


def test_what_the_platform_cannot_do_is_refused_all_at_once(make: Make, provider: MemoryProvider) -> None:
    wanted = make(settings={"gpus": 1, "scale.min": 0, "colour": "red"}, environment={"KEY": "secret://key"})
    with pytest.raises(UsageError) as refusal:
        make_plan(wanted, None, provider)
    assert refusal.value.detail.splitlines() == [
        "targets.local.scale.min: scale-to-zero is absent: something always runs",
        "targets.local.gpus: gpu is absent: there is no GPU",
        "targets.local.environment: secrets is absent: there is no vault",
        "targets.local.colour: the provider 'memory' has no such setting",
    ]


def test_the_active_version_is_the_one_with_most_traffic_and_the_newest_of_equals(make: Make) -> None:
    one, two = version(make(1), weight=50), version(make(2), "v2", weight=50)
    assert active_of([one, two]).name == "v2"
    assert active_of([replace(one, weight=51), replace(two, weight=49)]).name == "v1"


def test_a_version_number_is_one_more_than_the_highest(make: Make) -> None:
    assert next_version([]) == "v1"
    assert next_version([version(make(), "v9"), version(make(), "v10"), version(make(), "blue")]) == "v11"


def test_the_plan_as_json_has_a_schema_and_every_change(make: Make, provider: MemoryProvider) -> None:
    document = make_plan(make(2), seen(version(make(1))), provider).to_json()
    assert json.loads(json.dumps(document)) == document
    assert (document["schema"], document["action"], document["revision"]) == ("rtdeploy.plan/1", "replace", "7")
    assert document["serving"] == {"v1": {"digest": make(1).digest, "state": "ready", "weight": 100}}
    assert document["changes"] == [
        {"about": "bundle", "field": "bundle", "old": make(1).digest, "new": make(2).digest, "effect": "replace"}
    ]
