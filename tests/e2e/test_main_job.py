"""From an empty directory to a verdict, by the command line alone."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.project import Project

pytestmark = pytest.mark.quiet

BENCH = ("bench", "local", "--rate", "100/s", "--duration", "5s", "--warmup", "1s", "--json")


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that accepts every connection and never answers."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/predict"
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def test_a_budget_that_holds_exits_0_and_leaves_a_result_and_a_report(deployed: Project) -> None:
    outcome = deployed.rtdeploy(
        *BENCH, "--p99", "2s", "--html", "report.html", "--junit", "j.xml", "--markdown", "m.md"
    )
    assert outcome.code == 0, outcome.err
    result = outcome.json
    assert result["schema"] == "rtdeploy.bench/1"
    assert result["verdict"] == "pass", result["reasons"]
    assert result["errors"] == 0
    assert result["requests"] > 300
    assert result["latency_ms"]["p50"] <= result["latency_ms"]["p99"] <= result["latency_ms"]["max"]
    stored = deployed.path / ".rtdeploy" / "runs" / result["run_id"] / "result.json"
    assert stored.exists()
    for name in ("report.html", "j.xml", "m.md"):
        assert (deployed.path / name).stat().st_size > 0


def test_a_budget_that_cannot_hold_exits_3(deployed: Project) -> None:
    outcome = deployed.rtdeploy(*BENCH, "--p99", "0.05ms")
    assert outcome.json["verdict"] == "fail", outcome.json["reasons"]
    assert outcome.code == 3


def test_a_rate_far_beyond_the_generator_exits_5_and_never_0(deployed: Project) -> None:
    fast = ("bench", "local", "--rate", "60000/s", "--duration", "3s", "--warmup", "1s", "--p99", "10s", "--json")
    outcome = deployed.rtdeploy(*fast)
    assert outcome.json["verdict"] == "invalid"
    assert outcome.code == 5


def test_a_server_that_never_answers_ends_in_time_with_every_request_an_error(
    project: Project, black_hole: str
) -> None:
    body = project.path / "body.json"
    body.write_text("{}")
    begun = time.monotonic()
    outcome = project.rtdeploy(
        "bench", "--url", black_hole, "--data", str(body), "--rate", "50/s", "--duration", "3s", "--warmup", "0s",
        "--json", RTDEPLOY_SERVE_TIMEOUT="1s",
    )  # fmt: skip
    assert time.monotonic() - begun < 60
    assert outcome.code in {3, 5}
    result = outcome.json
    assert result["errors"] == result["requests"] > 0
    assert "timeout" in result["errors_by_kind"]


def test_a_second_deploy_of_the_same_thing_finds_nothing_to_do(deployed: Project) -> None:
    assert deployed.rtdeploy("plan", "local", "--exit-code").code == 0
    outcome = deployed.rtdeploy("deploy", "local", "--yes", "--json")
    assert outcome.code == 0
    assert outcome.json["action"] == "none"


def test_a_change_is_shown_before_it_is_made(deployed: Project) -> None:
    outcome = deployed.rtdeploy("plan", "local", "--exit-code", "--json", RTDEPLOY_SERVE_QUEUE="128")
    assert outcome.code == 6
    assert [(c["field"], c["old"], c["new"]) for c in outcome.json["changes"]] == [("serve.queue", 64, 128)]


def test_the_deployed_model_answers_its_sample(deployed: Project) -> None:
    outcome = deployed.rtdeploy("invoke", "local", "--json")
    assert outcome.code == 0
    assert outcome.json["status"] == 200
    assert '"outputs"' in outcome.json["body"]


def test_status_tells_where_it_answers(deployed: Project) -> None:
    local = deployed.rtdeploy("status", "local", "--json").json["targets"]["local"]
    assert local["state"] == "ready"
    assert local["url"].startswith("http://127.0.0.1:")
    assert [v["weight"] for v in local["versions"]] == [100]


def test_logs_name_version_and_replica(deployed: Project) -> None:
    outcome = deployed.rtdeploy("logs", "local")
    assert outcome.code == 0
    assert outcome.out.strip()


def test_a_stored_run_is_rendered_again(deployed: Project, tmp_path: Path) -> None:
    run_id = deployed.rtdeploy(*BENCH, "--p99", "2s").json["run_id"]
    page = tmp_path / "again.html"
    assert deployed.rtdeploy("report", run_id, "--html", str(page)).code == 0
    assert run_id in page.read_text()


def test_destroy_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.rtdeploy("init", ".", "--template", "onnx")
    assert project.rtdeploy("deploy", "local", "--yes").code == 0
    assert project.rtdeploy("destroy", "local", "--yes").code == 0
    assert project.rtdeploy("status", "local", "--json").json["targets"]["local"]["state"] == "absent"
    assert project.rtdeploy("destroy", "local", "--yes").code == 0
