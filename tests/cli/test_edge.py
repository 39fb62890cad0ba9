"""What every command does alike: one message, one remedy, one exit code, and nothing loaded that is not needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.project import Outcome, Project

SPEC = "name: demo\nmodel: {path: model.onnx}\nbudget: {p99: 80ms}\ntargets:\n  local: {provider: process}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "rtdeploy.yaml").write_text(SPEC)
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    return Project(tmp_path)


def refused(outcome: Outcome, code: int = 2) -> str:
    """An error as it should be: its exit code, no traceback, and a remedy on the last line of stderr."""
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.err.rstrip().splitlines()[-1].startswith("→ ")
    return outcome.err


def test_help_loads_no_library_that_only_a_command_needs() -> None:
    script = (
        "import sys; sys.argv = ['rtdeploy', '--help']\n"
        "from rtdeploy.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pydantic', 'httpx', 'locust', 'gevent', 'scipy', 'uvicorn', 'jinja2', 'yaml', 'boto3'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_version_is_printed() -> None:
    done = subprocess.run([sys.executable, "-m", "rtdeploy", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("rtdeploy ")


def test_a_missing_file_says_how_to_begin(tmp_path: Path) -> None:
    assert "rtdeploy init" in refused(Project(tmp_path).rtdeploy("plan", "local"))


def test_all_mistakes_of_a_file_are_told_at_once_with_their_places(project: Project) -> None:
    (project.path / "rtdeploy.yaml").write_text(SPEC.replace("80ms", "80").replace("process", "proces"))
    told = refused(project.rtdeploy("plan", "local"))
    assert "rtdeploy.yaml:3:15 budget.p99" in told
    assert "rtdeploy.yaml:5:21 targets.local.provider" in told
    assert "process" in told


def test_an_unknown_target_suggests_the_nearest(project: Project) -> None:
    assert "Did you mean local?" in refused(project.rtdeploy("status", "locale"))


def test_a_model_that_is_none_is_one_message(project: Project) -> None:
    refused(project.rtdeploy("package"))


def test_with_json_an_error_is_one_document_on_stdout(project: Project) -> None:
    outcome = project.rtdeploy("package", "--json")
    assert outcome.code == 2
    document = json.loads(outcome.out)
    assert document["schema"] == "rtdeploy.error/1"
    assert document["exit_code"] == 2
    assert document["error"]["summary"]
    assert document["error"]["remedy"]


def test_debug_keeps_the_traceback_and_the_exit_code(project: Project) -> None:
    outcome = project.rtdeploy("package", "--debug")
    assert outcome.code == 2
    assert "Traceback" in outcome.err


def test_deploy_without_yes_and_without_a_terminal_asks_for_yes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.rtdeploy("init", ".").code == 0
    assert "--yes" in refused(project.rtdeploy("deploy", "local"))
    assert project.rtdeploy("status", "local", "--json").json["targets"]["local"]["state"] == "absent"


def test_bench_needs_a_target_or_a_url_and_not_both(project: Project) -> None:
    refused(project.rtdeploy("bench"))
    refused(project.rtdeploy("bench", "local", "--url", "http://127.0.0.1:1/"))
    refused(project.rtdeploy("bench", "--url", "http://127.0.0.1:1/"))
    refused(project.rtdeploy("bench", "--url", "http://127.0.0.1:1/", "--data", "nowhere.json"))


def test_a_flag_with_a_mistake_is_named_as_the_source(project: Project) -> None:
    assert "--rate" in refused(project.rtdeploy("bench", "local", "--rate", "fast"))


def test_a_target_that_is_not_deployed_says_how_to_deploy_it(project: Project) -> None:
    for command in ("bench", "invoke", "logs", "promote"):
        assert "rtdeploy deploy local" in refused(project.rtdeploy(command, "local"))


@pytest.mark.parametrize("weights", [("v1",), ("v1=x",), ("v1=50", "v1=50")])
def test_a_traffic_split_that_cannot_be_read_is_refused(project: Project, weights: tuple[str, ...]) -> None:
    refused(project.rtdeploy("traffic", "local", *weights))


def test_a_provider_that_is_not_built_yet_says_so(project: Project) -> None:
    (project.path / "rtdeploy.yaml").write_text(SPEC.replace("process", "docker"))
    outcome = project.rtdeploy("plan", "local")
    assert outcome.code in {1, 2}
    assert "docker" in outcome.err


def test_targets_lists_what_each_platform_can_do(project: Project) -> None:
    row = project.rtdeploy("targets", "--json").json["targets"]["local"]
    assert "canary" in row["can"]
    assert row["cannot"]["gpu"]


def test_doctor_tells_ok_or_a_remedy_for_each_line(project: Project) -> None:
    outcome = project.rtdeploy("doctor", "--json")
    checks = outcome.json["targets"]["local"]
    assert checks
    assert all(check["ok"] or check["remedy"] for check in checks)


def test_a_report_of_a_run_that_is_not_there_is_one_message(project: Project) -> None:
    refused(project.rtdeploy("report", "20200101-000000-aaaaaa"))


def test_a_directory_as_the_file_is_one_message(project: Project) -> None:
    refused(project.rtdeploy("plan", "local", "-f", str(project.path)))
