"""A target of the file and a bundle → what the provider is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rtdeploy.deploy import desired_of, features_used
from rtdeploy.deploy.contract import Desired, Feature, Json
from rtdeploy.errors import UsageError
from rtdeploy.spec.model import Spec


@dataclass
class Packaged:
    """The part of a bundle that a deployment names."""

    path: Path = Path("bundles/fraud-0123")
    name: str = "fraud"
    digest: str = "sha256:0123"


def desired(target: dict[str, Any], name: str = "local") -> Desired:
    spec = Spec.model_validate(
        {
            "name": "fraud",
            "model": {"path": "model.onnx"},
            "serve": {"timeout": "500ms", "queue": 8},
            "targets": {"local": {"provider": "process"} | target},
        }
    )
    return desired_of(spec, name, Packaged())  # type: ignore[arg-type]


def test_settings_are_flat_with_their_defaults_and_units_in_the_names() -> None:
    wanted = desired({"drain_timeout": "5s", "ttl": "1h"})
    assert (wanted.project, wanted.target, wanted.model, wanted.digest) == ("fraud", "local", "fraud", "sha256:0123")
    assert wanted.settings["drain_timeout_s"] == 5
    assert wanted.settings["replicas"] == 1
    assert wanted.settings["ttl_s"] == 3600
    assert wanted.serve["timeout_s"] == 0.5


def test_secret_values_are_passed_on_and_not_shown() -> None:
    wanted = desired({"environment": {"TOKEN": "hunter2"}})
    assert wanted.environment == {"TOKEN": "hunter2"}
    assert "hunter2" not in repr(wanted)


def test_a_target_that_is_not_in_the_file_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="No target 'locl'") as error:
        desired({}, name="locl")
    assert error.value.remedy == "Did you mean local?"


@pytest.mark.parametrize(
    ("settings", "feature", "field"),
    [
        ({"scale.min": 1, "scale.max": 6}, Feature.AUTOSCALING, "scale.max"),
        ({"scale.min": 0}, Feature.SCALE_TO_ZERO, "scale.min"),
        ({"scale.schedule": [{"cron": "0 8 * * *"}]}, Feature.SCHEDULED_SCALING, "scale.schedule"),
        ({"gpus": "all"}, Feature.GPU, "gpus"),
        ({"protocol": "grpc"}, Feature.GRPC, "protocol"),
        ({"protocol": "stream"}, Feature.STREAMING, "protocol"),
        ({"subnets": ["subnet-1"]}, Feature.PRIVATE_NETWORK, "subnets"),
        ({"public": False}, Feature.PRIVATE_NETWORK, "public"),
        ({"ttl_s": 60.0}, Feature.TTL, "ttl_s"),
    ],
)
def test_a_setting_that_needs_a_feature_is_recognised(settings: dict[str, Json], feature: Feature, field: str) -> None:
    assert features_used(bare(settings)) == {feature: field}


def test_defaults_need_no_feature() -> None:
    settings: dict[str, Json] = {"scale.min": 1, "scale.max": 1, "scale.schedule": []}
    settings |= {"gpus": 0, "protocol": "rest", "subnets": [], "public": True}
    assert features_used(bare(settings)) == {}


def test_a_reference_to_a_secret_needs_the_feature_and_a_plain_value_does_not() -> None:
    assert features_used(bare({}, {"A": "secret://a"})) == {Feature.SECRETS: "environment"}
    assert features_used(bare({}, {"A": "a"})) == {}


def bare(settings: dict[str, Json], environment: dict[str, str] | None = None) -> Desired:
    return Desired(
        project="p",
        target="t",
        bundle=Path(),
        digest="",
        model="m",
        settings=settings,
        environment=environment or {},
    )
