"""The locustfile by hand, with plain Locust, and what it does with the network."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from rtdeploy.bench import Budget, Payloads, Scenario
from rtdeploy.bench import run as measure
from rtdeploy.endpoint import Endpoint
from tests.bench.conftest import Bench, Serve, bench, serve

__all__ = ["bench", "serve"]

LOCUSTFILE = str(files("rtdeploy_loadtests") / "locustfile.py")


def test_plain_locust_runs_the_open_loop_and_shows_its_statistics(serve: Serve, tmp_path: Path) -> None:
    server = serve(behaviour="status", every=5)
    (tmp_path / "body").write_bytes(b'{"x": 1}')
    options = ["--rate", "100", "--seconds", "1.5", "--body", "body", "--json-file", "stats"]
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", LOCUSTFILE, "--headless", "-u", "1", "--host", server.url, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # Locust's own word for failed requests
    (statistics,) = json.loads((tmp_path / "stats.json").read_text())
    sent = len(server.end())
    assert sent > 90
    assert statistics["num_requests"] == sent
    assert statistics["num_failures"] == sent // 5


def test_a_certificate_that_nobody_vouches_for_is_refused(serve: Serve, bench: Bench, tmp_path: Path) -> None:
    run = bench(serve(certificate=certificate(tmp_path)).url, duration_s=0.5)
    assert run.result.errors_by_kind == {"tls": run.result.requests}
    assert run.result.verdict == "invalid"


def test_a_certificate_that_the_system_trusts_is_accepted(
    serve: Serve, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", path)
    run = bench(serve(certificate=path, service_ms=2).url, duration_s=1.0)
    assert run.result.errors_by_kind == {}
    assert run.result.requests > 50


def test_when_all_connections_are_taken_the_rest_is_not_sent_and_the_run_is_invalid(
    serve: Serve, tmp_path: Path
) -> None:
    script = """
import json, resource, sys
from pathlib import Path
from rtdeploy.bench import Budget, Payloads, Scenario, run
from rtdeploy.endpoint import Endpoint
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
done = run(Endpoint(url=sys.argv[1]), Payloads.one(b"{}"),
           Scenario(rate_rps=200.0, duration_s=1.0, warmup_s=0.1, timeout_s=20.0),
           Budget(error_rate=0.5), out=Path(sys.argv[2]))
print(json.dumps(done.result.to_json()))
"""
    server = serve(service_ms=1500)
    done = subprocess.run(
        [sys.executable, "-c", script, server.url, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["verdict"] == "invalid"
    assert set(result["errors_by_kind"]) == {"not_sent"}
    assert any("as many connections as the generator may open" in reason for reason in result["reasons"])
    assert len(server.end()) < 128


def test_settings_for_somebodys_own_locust_do_not_reach_the_generator(
    serve: Serve, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUST_USERS", "0")
    monkeypatch.setenv("LOCUST_RUN_TIME", "1ms")
    assert bench(serve().url, duration_s=0.5).result.requests > 20


def test_a_server_that_hangs_up_on_idle_connections_costs_a_new_connection_and_no_error(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(idle_s=0.3)
    run = measure(
        Endpoint(url=server.url),
        Payloads.one(b"{}"),
        Scenario(rate_rps=2.0, arrivals="constant", duration_s=3.0, warmup_s=0.0, timeout_s=20.0),
        Budget(error_rate=0.5),
        out=tmp_path,
    )
    assert run.result.errors_by_kind == {}
    assert (run.samples.connect[1:] > 0).all()


def certificate(directory: Path) -> str:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    path = directory / "tls.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subprocess.run(
        ["openssl", "req", "-x509", *made, *subject, "-keyout", str(path), "-out", str(directory / "c.pem")],
        check=True,
        capture_output=True,
        env=os.environ,
    )
    with path.open("a") as file:
        file.write((directory / "c.pem").read_text())
    return str(path)
