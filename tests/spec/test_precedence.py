"""Flag, environment, file, default: the first that speaks wins."""

import pytest

from rtdeploy.errors import SpecError
from rtdeploy.spec import Override
from rtdeploy.spec.model import DockerTarget, ProcessTarget, Shape
from rtdeploy.spec.units import Duration, Rate
from tests.spec.project import SMALLEST, Project

FILE = SMALLEST + "load: {rate: 3/s}\n"


def flag(text: str, source: str = "--rate") -> Override:
    return Override(text=text, source=source)


def test_the_first_that_speaks_wins(project: Project) -> None:
    environment = {"RTDEPLOY_LOAD_RATE": "2/s"}
    flags = {"load.rate": flag("1/s")}
    assert project.load(FILE, environment, flags).load.rate == Rate(1)
    assert project.load(FILE, environment).load.rate == Rate(2)
    assert project.load(FILE).load.rate == Rate(3)
    assert project.load(SMALLEST).load.rate == Rate(100)


def test_a_setting_whose_name_holds_a_dot_has_a_variable_too(project: Project) -> None:
    assert project.load(FILE, {"RTDEPLOY_BUDGET_P99_9": "1s"}).budget.p999 == Duration(1)
    assert project.load(FILE, overrides={"budget.p99.9": flag("2s")}).budget.p999 == Duration(2)


def test_a_variable_makes_the_section_that_it_needs(project: Project) -> None:
    batch = project.load(FILE, {"RTDEPLOY_SERVE_BATCH_MAX_SIZE": "4"}).serve.batch
    assert batch is not None
    assert batch.max_size == 4


def test_a_variable_takes_the_place_of_another_form(project: Project) -> None:
    shaped = SMALLEST + "load: {arrivals: {shape: ramp}}\n"
    assert project.load(shaped, {"RTDEPLOY_LOAD_ARRIVALS": "constant"}).load.arrivals == "constant"
    assert project.load(FILE, {"RTDEPLOY_LOAD_ARRIVALS_SHAPE": "soak"}).load.arrivals == Shape(shape="soak")


def test_the_targets_of_the_file_have_variables(project: Project) -> None:
    file = SMALLEST + "  my-box: {provider: docker, environment: {KEY: a}}\n"
    spec = project.load(
        file,
        {
            "RTDEPLOY_TARGETS_MY_BOX_CPUS": "2.5",
            "RTDEPLOY_TARGETS_MY_BOX_HOST": "1.10",
            "RTDEPLOY_TARGETS_MY_BOX_GPUS": "all",
            "RTDEPLOY_TARGETS_MY_BOX_ENVIRONMENT_KEY": "b",
        },
    )
    box = spec.targets["my-box"]
    assert isinstance(box, DockerTarget)
    assert (box.cpus, box.host, box.gpus) == (2.5, "1.10", "all")
    assert box.environment["KEY"].get_secret_value() == "b"


def test_a_target_whose_provider_is_changed_has_the_settings_of_the_new_one(project: Project) -> None:
    environment = {"RTDEPLOY_TARGETS_LOCAL_PROVIDER": "docker", "RTDEPLOY_TARGETS_LOCAL_GPUS": "2"}
    assert project.load(FILE, environment).targets["local"] == DockerTarget(provider="docker", gpus=2)


def test_a_variable_of_one_target_leaves_another_alone_that_shares_its_anchor(project: Project) -> None:
    file = SMALLEST.replace("{provider", "&here {provider") + "  other: *here\n"
    spec = project.load(file, {"RTDEPLOY_TARGETS_OTHER_REPLICAS": "3"})
    assert spec.targets["other"] == ProcessTarget(provider="process", replicas=3)
    assert spec.targets["local"] == ProcessTarget(provider="process")


def test_an_empty_variable_says_nothing(project: Project) -> None:
    assert project.load(FILE, {"RTDEPLOY_LOAD_RATE": ""}).load.rate == Rate(3)


def test_variables_that_are_no_settings_are_left_alone(project: Project) -> None:
    assert project.load(FILE, {"RTDEPLOY_LIVE": "1", "RTDEPLOY_SERVE": "{}", "RTDEPLOY_FILE": "x"}).load.rate == Rate(3)


def test_a_mistake_in_a_flag_or_a_variable_names_it_after_those_of_the_file(project: Project) -> None:
    told = project.problems(FILE + "laod: {}\n", {"RTDEPLOY_SERVE_QUEUE": "many"}, {"load.rate": flag("fast")})
    assert told[0] == "rtdeploy.yaml:6:1 laod: unknown key, did you mean load?"
    assert told[1].startswith("RTDEPLOY_SERVE_QUEUE serve.queue: must be a whole number of at least 1; it is 'many'")
    assert told[2].startswith("--rate load.rate: must be a rate of more than 0")


def test_a_rule_that_a_flag_breaks_names_the_flag(project: Project) -> None:
    (told,) = project.problems(SMALLEST + "budget: {p95: 80ms}\n", overrides={"budget.p99": flag("1ms", "--p99")})
    assert told == "--p99 budget.p99: p99 cannot be less than p95: 1ms is less than 80ms"


def test_where_the_file_is_right_the_remedy_is_about_the_flag(project: Project) -> None:
    with pytest.raises(SpecError) as caught:
        project.load(FILE, overrides={"load.rate": flag("fast")})
    assert caught.value.summary == "--rate: 1 mistake"
    assert caught.value.remedy == "Correct --rate and run the command again."


def test_a_flag_for_a_setting_that_there_is_not_is_a_mistake(project: Project) -> None:
    (told,) = project.problems(FILE, overrides={"load.rat": flag("1/s", "--set")})
    assert told == "--set load.rat: unknown setting, did you mean load.rate?"


def test_a_variable_that_may_mean_two_settings_is_a_mistake(project: Project) -> None:
    file = SMALLEST + "  a: {provider: process, environment: {B_C: x}}\n  a-environment: {provider: process}\n"
    assert project.load(file, {"RTDEPLOY_TARGETS_A_PORT": "80"})
    clash = SMALLEST + "  a: {provider: process, environment: {b: x, B: y}}\n"
    (told,) = project.problems(clash, {"RTDEPLOY_TARGETS_A_ENVIRONMENT_B": "z"})
    assert told == (
        "RTDEPLOY_TARGETS_A_ENVIRONMENT_B can mean targets.a.environment.b or targets.a.environment.B: "
        "rename one of them in the file"
    )


def test_an_item_of_a_list_can_be_set_only_where_it_is(project: Project) -> None:
    aws = "{provider: sagemaker, region: a, role: b, instance: c, subnets: [x, y], security_groups: [z]}"
    (told,) = project.problems(SMALLEST + f"  aws: {aws}\n", overrides={"targets.aws.subnets.7": flag("w", "--set")})
    assert told.startswith("--set targets.aws.subnets.7: unknown setting")
