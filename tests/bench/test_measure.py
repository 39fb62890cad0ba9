"""Real benches of real servers, checked against the servers' own clocks."""

import json
import math
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtdeploy.bench import Budget, Payloads, Run, Scenario, Tick, read
from rtdeploy.bench import run as measure
from rtdeploy.bench.result import Verdict
from rtdeploy.endpoint import Auth, Endpoint, Protocol
from rtdeploy.errors import MeasurementError, QuotaError, UsageError
from tests.bench.conftest import Bench, KnownServer, Serve

pytestmark = pytest.mark.quiet


def truth_ms(server: KnownServer, run: Run) -> list[float]:
    """Latencies from the schedule by the server's clock, in order; its answer to the n-th arrival is the n-th request.

    The bench's time 0 is taken as the earliest that lets every request arrive after it was due.
    """
    log = server.end()
    due = [float(time) for time in run.samples.scheduled]
    assert len(log) == len(due)
    origin = min(read - time for (read, _), time in zip(log, due, strict=True))
    pairs = zip(log, due, strict=True)
    return [1e3 * (written - origin - time) for (_, written), time in pairs if time >= 0]


def exact_p99(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def test_a_fast_server_passes_and_all_figures_agree(serve: Serve, bench: Bench) -> None:
    server = serve(service_ms=5)
    run = bench(server.url, duration_s=4.0)
    result = run.result
    assert result.verdict is Verdict.PASS, result.reasons
    assert result.requests == int(run.samples.measured.sum()) > 300
    assert result.errors == 0
    assert result.offered_rps == pytest.approx(result.requests / 4.0, rel=0.02)
    assert result.achieved_rps == pytest.approx(result.offered_rps, rel=0.02)
    assert result.latency_ms.p50 is not None
    assert result.latency_ms.p50 == pytest.approx(exact_median(truth_ms(server, run)), abs=3)


def exact_median(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.5 * len(values)) - 1]


def test_a_stall_is_charged_to_every_request_that_was_due_in_it(serve: Serve, bench: Bench) -> None:
    server = serve(service_ms=2, stall_at_s=1.0, stall_ms=200)
    run = bench(server.url, duration_s=3.0)
    truth = truth_ms(server, run)
    p99 = run.result.latency_ms.p99
    assert p99 is not None
    assert p99 > 120
    assert p99 == pytest.approx(exact_p99(truth), abs=25)
    waited = sorted(run.samples.latency[run.samples.measured == 1] * 1e3)
    assert sum(value > 50 for value in waited) >= 8


def test_the_warm_up_is_sent_and_not_measured(serve: Serve, bench: Bench) -> None:
    server = serve(service_ms=0, stall_at_s=0.3, stall_ms=200)
    run = bench(server.url, warmup_s=1.0, duration_s=1.0)
    assert len(server.end()) == len(run.samples) > run.result.requests
    assert run.samples.latency[run.samples.measured == 0].max() > 0.1
    assert run.result.latency_ms.max == 1e3 * run.samples.latency[run.samples.measured == 1].max()


def test_a_missed_budget_fails(serve: Serve, bench: Bench) -> None:
    result = bench(serve(service_ms=20).url, budget=Budget(p99_ms=5.0), duration_s=1.0).result
    assert result.verdict is Verdict.FAIL, result.reasons


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("status", "http_503"),
        ("garbage", "invalid_response"),
        ("reset", "reset"),
        ("short", "reset"),
        ("never", "timeout"),
    ],
)
def test_failures_are_counted_by_kind_and_miss_the_error_budget(
    serve: Serve, bench: Bench, behaviour: str, kind: str
) -> None:
    server = serve(behaviour=behaviour, every=4)
    run = bench(server.url, timeout_s=0.5, duration_s=1.5, budget=Budget(error_rate=0.05))
    assert run.result.verdict is Verdict.FAIL, run.result.reasons
    assert set(run.result.errors_by_kind) == {kind}
    assert run.result.errors == pytest.approx(run.result.requests / 4, rel=0.15)
    assert len(server.end()) == len(run.samples)  # nothing is sent twice


@pytest.mark.parametrize("behaviour", ["interim", "chunked", "until_close", "close"])
def test_every_way_to_frame_an_answer_is_understood(serve: Serve, bench: Bench, behaviour: str) -> None:
    run = bench(serve(behaviour=behaviour).url, duration_s=1.0)
    assert run.result.errors_by_kind == {}
    assert run.result.requests > 50


def test_a_new_connection_is_part_of_the_latency_and_shown_as_a_phase(serve: Serve, bench: Bench) -> None:
    run = bench(serve(behaviour="close").url, duration_s=1.0)
    assert run.result.phases_ms["connect"].p99 is not None
    assert run.result.phases_ms["connect"].p99 > 0
    before_the_send_s = run.samples.latency - run.samples.service
    assert (before_the_send_s >= run.samples.connect / 1e3 - 1e-6).all()


def test_what_the_server_says_about_its_time_is_split_from_the_network(serve: Serve, bench: Bench) -> None:
    phases = bench(serve(service_ms=5).url, duration_s=1.0).result.phases_ms
    assert (phases["server"].p50, phases["queue"].p50, phases["predict"].p50) == pytest.approx((2.5, 0.75, 1.25))
    assert phases["network"].p50 is not None
    assert phases["first_byte"].p50 is not None
    assert phases["network"].p50 == pytest.approx(phases["first_byte"].p50 - 2.5, abs=1)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Accepts (the kernel does) and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_server_that_never_answers_ends_in_time_with_its_errors_counted(black_hole: str, bench: Bench) -> None:
    result = bench(black_hole, duration_s=1.0, timeout_s=0.7, budget=Budget(error_rate=0.05)).result
    assert result.verdict is Verdict.INVALID
    assert result.reasons[0].startswith("Nothing was measured: none of")
    assert result.errors_by_kind == {"timeout": result.requests}
    assert result.latency_ms.p99 is None


def test_a_refused_connection_is_counted_and_is_no_measurement(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = bench(f"http://127.0.0.1:{port}/", duration_s=0.5).result
    assert result.verdict is Verdict.INVALID
    assert result.errors_by_kind == {"connect": result.requests}


def test_a_host_that_does_not_exist_is_an_error_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"cannot begin: no-such-host\.invalid"):
        bench("http://no-such-host.invalid/", duration_s=0.5)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_rate_that_no_process_can_offer_is_invalid_and_never_a_pass(serve: Serve, bench: Bench) -> None:
    result = bench(serve().url, rate_rps=300_000.0, duration_s=1.0, warmup_s=0.1).result
    assert result.verdict is Verdict.INVALID, result.reasons
    assert result.verdict.exit_code == 5
    assert not result.generator.trusted
    assert any(reason.startswith("The load was not offered") for reason in result.reasons)


def test_a_rate_that_no_machine_could_keep_is_refused_before_anything_is_sent(bench: Bench) -> None:
    with pytest.raises(MeasurementError, match="more than one run can keep"):
        bench("http://127.0.0.1:9/", rate_rps=1e7, duration_s=60.0)


def test_a_server_that_stands_still_fails_and_its_stall_is_no_lag_of_the_generator(serve: Serve, bench: Bench) -> None:
    server = serve(stall_at_s=0.2, stall_ms=1200)
    result = bench(server.url, duration_s=1.5, budget=Budget(p99_ms=50.0), timeout_s=5.0).result
    assert result.verdict is Verdict.FAIL, result.reasons
    assert result.latency_ms.p95 is not None
    assert result.generator.schedule_lag_ms.p95 is not None
    assert result.generator.schedule_lag_ms.p95 < result.latency_ms.p95 / 2


def test_two_workers_share_one_schedule(serve: Serve, bench: Bench) -> None:
    server = serve()
    run = bench(server.url, workers=2, rate_rps=200.0, duration_s=1.0)
    assert len(server.end()) == len(run.samples)
    assert set(run.samples.worker.tolist()) == {0, 1}
    assert (np.diff(run.samples.scheduled) >= 0).all()
    assert run.result.generator.workers == 2


def test_bodies_and_headers_arrive_and_secrets_stay_out_of_everything_that_is_kept(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        payloads = Payloads.one(b'{"payload": "mark"}')
        endpoint = Endpoint(
            url=f"http://127.0.0.1:{server.getsockname()[1]}/deep/path?version=2",
            auth=Auth.HEADERS,
            headers={"Authorization": "Bearer hunter2"},
            content_type="application/vnd.test",
        )
        scenario = Scenario(rate_rps=50.0, duration_s=0.5, warmup_s=0.1, timeout_s=0.5)
        run = measure(endpoint, payloads, scenario, Budget(error_rate=0.1), out=tmp_path)
        connection, _ = server.accept()
        connection.settimeout(5)
        request = connection.recv(65536)
        connection.close()
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /deep/path?version=2 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Authorization: Bearer hunter2" in head
    assert b"Content-Type: application/vnd.test" in head
    assert body == b'{"payload": "mark"}'
    assert sorted(path.name for path in run.directory.iterdir()) == ["result.json", "samples.npz"]
    assert "hunter2" not in (run.directory / "result.json").read_text()


def test_payloads_are_drawn_by_weight(serve: Serve, bench: Bench) -> None:
    run = bench(serve().url, bodies=(b'{"a": 1}', b'{"b": ' + b"1" * 5000 + b"}"), duration_s=1.0)
    assert run.result.errors == 0


def test_a_body_larger_than_the_sockets_buffer_is_sent_whole(serve: Serve, bench: Bench) -> None:
    body = b"[" + b"1," * 4_000_000 + b"1]"
    result = bench(serve().url, bodies=(body,), rate_rps=5.0, duration_s=2.0).result
    assert result.errors_by_kind == {}
    assert result.requests > 3


def test_progress_is_told_about_once_a_second(serve: Serve, tmp_path: Path) -> None:
    ticks: list[Tick] = []
    scenario = Scenario(rate_rps=100.0, duration_s=2.0, warmup_s=0.5, timeout_s=2.0)
    measure(
        Endpoint(url=serve().url),
        Payloads.one(b"{}"),
        scenario,
        Budget(p99_ms=1000.0),
        out=tmp_path,
        progress=ticks.append,
    )
    assert 2 <= len(ticks) <= 5
    assert [tick.sent for tick in ticks] == sorted(tick.sent for tick in ticks)
    assert ticks[-1].planned_s == 2.5
    assert ticks[-1].p99_ms is not None
    assert ticks[-1].done <= ticks[-1].sent


def test_a_run_reads_back_as_it_was_and_says_nothing_about_the_host(serve: Serve, bench: Bench) -> None:
    run = bench(serve().url, duration_s=1.0)
    stored = read(run.result.run_id, runs=run.directory.parent)
    assert stored.result == run.result
    assert np.array_equal(stored.samples.done, run.samples.done, equal_nan=True)
    document = json.loads((run.directory / "result.json").read_text())
    assert document["schema"] == "rtdeploy.bench/1"
    assert document["environment"]["engine"] == "locust"
    assert socket.gethostname() not in json.dumps(document["environment"]).split('"')


@pytest.mark.parametrize(
    ("endpoint", "scenario", "said"),
    [
        (Endpoint(url="http://h/", auth=Auth.SIGV4), Scenario(rate_rps=1), "cannot sign requests"),
        (Endpoint(url="http://h/", protocol=Protocol.GRPC), Scenario(rate_rps=1), "cannot bench grpc"),
        (Endpoint(url="http://h/"), Scenario(rate_rps=1, protocol=Protocol.STREAM), "cannot bench stream"),
        (Endpoint(url="ftp://h/"), Scenario(rate_rps=1), "not an http"),
        (Endpoint(url="http://h:99999/"), Scenario(rate_rps=1), "not an http"),
        (Endpoint(url="http://[::1/"), Scenario(rate_rps=1), "not an http"),
        (Endpoint(url="http://me:secret@h/"), Scenario(rate_rps=1), "holds credentials"),
        (Endpoint(url="http://h/"), Scenario(rate_rps=1, timeout_s=0.05), "cannot be judged"),
    ],
)
def test_what_this_version_cannot_do_is_refused_before_the_run(
    endpoint: Endpoint, scenario: Scenario, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        measure(endpoint, Payloads.one(b"{}"), scenario, Budget(p99_ms=80.0), out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_header_that_is_no_header_is_an_error_at_once(bench: Bench) -> None:
    with pytest.raises(MeasurementError, match="line break"):
        bench("http://127.0.0.1:9/", headers={"X": "a\nEvil: 1"}, duration_s=0.5)


def test_a_run_for_which_there_is_no_room_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(QuotaError, match="cannot be kept in"):
        measure(
            Endpoint(url="http://127.0.0.1:9/"),
            Payloads.one(b"{}"),
            Scenario(rate_rps=1),
            Budget(p99_ms=80.0),
            out=blocked / "runs",
        )


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    scenario, budget = Scenario(rate_rps=1), Budget(p99_ms=80.0)
    with pytest.raises(UsageError, match="no load generator 'native'"):
        measure(Endpoint(url="http://h/"), Payloads.one(b"{}"), scenario, budget, out=tmp_path, engine="native")
