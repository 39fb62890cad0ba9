"""Settings for those who compare and store them."""

from rtdeploy.spec import environment_of, flatten
from rtdeploy.spec.model import (
    Batch,
    Breaker,
    Budget,
    DockerTarget,
    ExternalTarget,
    Fallback,
    KserveTarget,
    Load,
    ProcessTarget,
    SagemakerTarget,
    Scale,
    Schedule,
    Serve,
    Shape,
)
from rtdeploy.spec.units import Duration, Rate, Size


def test_defaults_are_filled_in_and_what_is_nothing_is_left_out() -> None:
    assert flatten(Serve()) == {"timeout_s": 60.0, "concurrency": "auto", "queue": 64}


def test_sections_are_dotted_and_units_are_in_the_keys() -> None:
    fallback = Fallback(value={"a": {"b": [1]}})
    batch = Batch(max_wait=Duration(0.002))
    serve = Serve(timeout=Duration(0.5), batch=batch, breaker=Breaker(), fallback=fallback)
    assert flatten(serve) == {
        "timeout_s": 0.5,
        "concurrency": "auto",
        "batch.max_size": 16,
        "batch.max_wait_s": 0.002,
        "queue": 64,
        "fallback.value": {"a": {"b": [1]}},
        "breaker.failures": 5,
        "breaker.reset_s": 10.0,
    }


def test_a_process_has_the_settings_that_its_provider_knows() -> None:
    assert flatten(ProcessTarget(provider="process", ttl=Duration(60))) == {
        "protocol": "rest",
        "ttl_s": 60.0,
        "host": "127.0.0.1",
        "port": 0,
        "replicas": 1,
        "startup_timeout_s": 60.0,
        "drain_timeout_s": 30.0,
    }


def test_a_size_is_a_whole_number_of_bytes_and_a_share_is_a_number() -> None:
    memory = flatten(DockerTarget(provider="docker", memory=Size(2**30)))["memory_bytes"]
    assert (memory, type(memory)) == (2**30, int)
    assert flatten(Budget()) == {"errors_share": 0.001}


def test_a_rate_and_a_number_for_the_same_thing_have_different_keys() -> None:
    scaled = flatten(Scale(max=6, target=Rate(70)))
    assert scaled["target_per_s"] == 70.0
    assert "target" not in scaled
    assert flatten(Scale(metric="concurrency", target=4))["target"] == 4


def test_a_list_of_sections_is_a_list_of_flat_ones() -> None:
    target = KserveTarget(provider="kserve", scale=Scale(schedule=(Schedule(cron="0 8 * * *", min=2),)))
    assert flatten(target)["scale.schedule"] == [{"cron": "0 8 * * *", "min": 2, "timezone": "UTC"}]


def test_arrivals_are_a_word_or_a_dotted_key() -> None:
    assert flatten(Load())["arrivals"] == "poisson"
    assert flatten(Load(arrivals=Shape(shape="ramp")))["arrivals.shape"] == "ramp"


def test_a_list_stays_one() -> None:
    target = SagemakerTarget(provider="sagemaker", region="a", role="b", instance="c", subnets=("x", "y"))
    assert flatten(target)["subnets"] == ["x", "y"]


def test_the_settings_of_a_provider_elsewhere_are_its_own_words() -> None:
    target = ExternalTarget.model_validate(
        {"provider": "shipyard", "dock": 7, "crane": {"arms": 2}, "environment": {"A": "b"}}
    )
    assert flatten(target) == {"protocol": "rest", "dock": 7, "crane": {"arms": 2}}
    assert environment_of(target) == {"A": "b"}
