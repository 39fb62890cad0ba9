"""Overload, deadlines, the breaker, fallbacks and batches: what a request meets before and instead of the model."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from rtdeploy.bundle import Bundle
from rtdeploy.errors import UsageError
from rtdeploy.runtime.settings import ServeSettings
from tests.runtime.conftest import BEHAVIOUR, Json, Server, Start, doing, output, wait_until

FALLBACK = {"score": 7.5, "call": 0, "rows": 0}


def at_once(server: Server, requests: list[Json]) -> list[httpx.Response]:
    """Send requests together, each over a connection of its own."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda body: server.post(BEHAVIOUR, body), requests))


def occupied(server: Server, pool: ThreadPoolExecutor, seconds: float) -> Any:
    """Keep the only thread of the model busy, and return when it is."""
    before = server.metric("rtdeploy_computing")
    answer = pool.submit(server.post, BEHAVIOUR, doing(("sleep", seconds)))
    wait_until(lambda: server.metric("rtdeploy_computing") > before, "the model is busy")
    return answer


# Overload


def test_one_more_than_may_wait_is_refused_at_once_and_the_others_are_answered(start: Start) -> None:
    server = start(serve={"queue": 2})
    with ThreadPoolExecutor(4) as pool:
        busy = occupied(server, pool, 1.0)
        queued = [pool.submit(server.post, BEHAVIOUR, doing(("echo", 1.0))) for _ in range(2)]
        wait_until(lambda: server.metric("rtdeploy_waiting") == 2, "the queue is full")
        refused = server.post(BEHAVIOUR, doing(("echo", 1.0)))
        assert not busy.done()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json() == {"error": "too many requests are waiting"}
        assert [one.result().status_code for one in (busy, *queued)] == [200, 200, 200]
    assert server.metric("rtdeploy_shed_total") == 1


def test_a_server_that_is_overrun_goes_on_answering_as_many_as_it_can(start: Start) -> None:
    server = start(serve={"queue": 4})
    answers = at_once(server, [doing(("sleep", 0.02))] * 24)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 5
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 200


def test_health_is_answered_while_the_model_is_busy(start: Start) -> None:
    server = start()
    with ThreadPoolExecutor(1) as pool:
        busy = occupied(server, pool, 1.0)
        assert server.client.get("/ping").status_code == 200
        assert not busy.done()


def test_concurrency_lets_so_many_predictions_run_together(start: Start) -> None:
    server = start(serve={"concurrency": 3})
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(server.post, BEHAVIOUR, doing(("sleep", 1.0))) for _ in range(3)]
        wait_until(lambda: server.metric("rtdeploy_computing") == 3, "three are being computed")
        assert [answer.result().status_code for answer in answers] == [200] * 3


# Deadlines


def test_a_prediction_that_takes_too_long_is_504(start: Start) -> None:
    server = start(serve={"timeout_s": 0.1})
    response = server.post(BEHAVIOUR, doing(("sleep", 0.5)))
    assert (response.status_code, response.json()) == (504, {"error": "no answer within 0.1 s"})


def test_a_request_whose_deadline_passed_while_it_waited_is_not_computed(start: Start) -> None:
    server = start(serve={"timeout_s": 0.3})
    answers = at_once(server, [doing(("sleep", 0.8))] + [doing(("echo", 1.0))] * 3)
    assert {answer.status_code for answer in answers} <= {200, 504}
    wait_until(lambda: server.metric("rtdeploy_computing") == 0, "the model is free")
    (calls,) = output(server.post(BEHAVIOUR, doing(("echo", 1.0))), "call")
    answered = sum(answer.status_code == 200 for answer in answers)
    warm_up = 21
    assert calls == warm_up + answered + 1 + 1, "those that ran, the one that slept, and this one"


@pytest.mark.parametrize(
    ("parameters", "headers"),
    [
        ({"timeout": 100_000}, {}),
        ({}, {"x-request-timeout-ms": "100"}),
        ({}, {"x-envoy-expected-rq-timeout-ms": "100"}),
    ],
)
def test_a_client_may_be_less_patient_than_the_server(
    plays: Server, parameters: dict[str, Any], headers: dict[str, str]
) -> None:
    response = plays.post(BEHAVIOUR, doing(("sleep", 0.3), **parameters), headers=headers)
    assert (response.status_code, response.json()) == (504, {"error": "no answer within 0.1 s"})
    wait_until(lambda: plays.metric("rtdeploy_computing") == 0, "the model is free")


@pytest.mark.parametrize(
    ("parameters", "headers"),
    [
        ({"timeout": True}, {}),
        ({"timeout": "soon"}, {}),
        ({"timeout": -5}, {}),
        ({}, {"x-request-timeout-ms": "soon"}),
        ({}, {"x-request-timeout-ms": "9" * 5000}),
        ({}, {"x-request-timeout-ms": "0"}),
    ],
)
def test_a_patience_that_means_nothing_is_ignored(
    plays: Server, parameters: dict[str, Any], headers: dict[str, str]
) -> None:
    assert plays.post(BEHAVIOUR, doing(("echo", 1.0), **parameters), headers=headers).status_code == 200


# What a model may raise


@pytest.mark.parametrize(
    ("do", "words"),
    [
        ("raise", "the model failed: RuntimeError: asked to fail with 5"),
        ("exit", "the model failed: SystemExit: 3"),
        ("stop", "the model failed: StopIteration: "),
    ],
)
def test_whatever_a_model_raises_is_500_and_the_next_request_is_answered(plays: Server, do: str, words: str) -> None:
    response = plays.post(BEHAVIOUR, doing((do, 5.0)))
    assert (response.status_code, response.json()) == (500, {"error": words})
    assert plays.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 200


def test_nothing_of_a_request_is_in_the_log(start: Start) -> None:
    server = start()
    server.post(BEHAVIOUR, doing(("raise", 4711.0)))
    server.post(BEHAVIOUR, doing(("missing", 4711.0)))
    server.post(BEHAVIOUR, b"4711")
    server.says(b"4711 / HTTP/1.1\r\n\r\n")
    server.close()
    assert "4711" not in "".join(server.said)


# Breaker


def test_a_model_that_keeps_failing_is_left_alone_and_then_tried_again(start: Start) -> None:
    server = start(serve={"breaker.failures": 2, "breaker.reset_s": 0.5})
    for _ in range(2):
        assert server.post(BEHAVIOUR, doing(("raise", 1.0))).status_code == 500
    refused = server.post(BEHAVIOUR, doing(("echo", 1.0)))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert server.client.get("/v2/health/ready").status_code == 503
    assert server.client.get("/ping").status_code == 503
    assert server.client.get("/v2/health/live").status_code == 200
    wait_until(lambda: server.client.get("/v2/health/ready").status_code == 200, "it is ready to be tried")
    assert server.post(BEHAVIOUR, doing(("raise", 1.0))).status_code == 500
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 503
    wait_until(lambda: server.client.get("/v2/health/ready").status_code == 200, "it is ready to be tried")
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 200
    assert server.post(BEHAVIOUR, doing(("raise", 1.0))).status_code == 500
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 200


def test_only_one_request_tries_a_model_that_may_be_well_again(start: Start) -> None:
    server = start(serve={"breaker.failures": 1, "breaker.reset_s": 0.2})
    assert server.post(BEHAVIOUR, doing(("raise", 1.0))).status_code == 500
    wait_until(lambda: server.client.get("/v2/health/ready").status_code == 200, "it is ready to be tried")
    with ThreadPoolExecutor(1) as pool:
        trial = occupied(server, pool, 0.5)
        assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 503
        assert trial.result().status_code == 200
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 200


def test_a_model_that_hangs_opens_the_breaker(start: Start) -> None:
    server = start(serve={"timeout_s": 0.1, "breaker.failures": 1, "breaker.reset_s": 60})
    assert server.post(BEHAVIOUR, doing(("sleep", 0.5))).status_code == 504
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 503


def test_a_model_that_never_returns_opens_the_breaker_by_those_that_wait_for_it(start: Start) -> None:
    server = start(serve={"timeout_s": 0.1, "breaker.failures": 3, "breaker.reset_s": 60})
    statuses = [server.post(BEHAVIOUR, doing(("sleep", 5.0))).status_code]
    statuses += [server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code for _ in range(3)]
    assert statuses == [504, 504, 504, 503]
    assert server.client.get("/v2/health/ready").status_code == 503


def test_a_client_without_patience_does_not_open_the_breaker(start: Start) -> None:
    server = start(serve={"breaker.failures": 1})
    assert server.post(BEHAVIOUR, doing(("sleep", 0.3), timeout=50_000)).status_code == 504
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 200


def test_requests_that_do_not_fit_do_not_open_the_breaker(start: Start) -> None:
    server = start(serve={"breaker.failures": 1})
    assert server.post(BEHAVIOUR, {}).status_code == 400
    assert server.post(BEHAVIOUR, doing(("echo", 1.0))).status_code == 200


# Fallback


@pytest.mark.parametrize(("do", "reason"), [("raise", "error"), ("sleep", "deadline")])
def test_a_fallback_value_answers_for_every_row_and_says_so(start: Start, do: str, reason: str) -> None:
    server = start(serve={"timeout_s": 0.1, "fallback.value": FALLBACK})
    response = server.post(BEHAVIOUR, doing((do, 0.4), ("echo", 1.0)))
    assert output(response, "score") == [7.5, 7.5]
    assert response.json()["parameters"] == {"fallback": True, "reason": reason}
    assert response.headers["rtdeploy-fallback"] == reason
    assert server.metric(f'rtdeploy_fallbacks_total{{reason="{reason}"}}') == 1


def test_the_fallback_answers_while_the_breaker_is_open(start: Start) -> None:
    server = start(serve={"breaker.failures": 1, "fallback.value": FALLBACK})
    server.post(BEHAVIOUR, doing(("raise", 1.0)))
    response = server.post("/invocations", {"inputs": {"do": ["echo"], "value": [1.0]}})
    assert response.json()["predictions"]["score"] == [7.5]
    assert response.headers["rtdeploy-fallback"] == "breaker"


def test_a_fallback_rule_sees_the_request(start: Start) -> None:
    server = start(serve={"fallback.python": "behaviour:rule"})
    response = server.post(BEHAVIOUR, doing(("raise", 10.0), ("echo", 20.0)))
    assert output(response, "score") == [9.0, 19.0]
    assert response.headers["rtdeploy-fallback"] == "error"


def test_an_answer_of_the_model_says_nothing_of_a_fallback(start: Start) -> None:
    server = start(serve={"fallback.value": FALLBACK})
    response = server.post(BEHAVIOUR, doing(("echo", 1.0)))
    assert "rtdeploy-fallback" not in response.headers
    assert "parameters" not in response.json()


def test_a_fallback_that_fails_as_well_is_500_with_both_reasons(start: Start) -> None:
    server = start(serve={"fallback.python": "behaviour:broken_rule"})
    response = server.post(BEHAVIOUR, doing(("raise", 1.0)))
    assert response.status_code == 500
    assert "asked to fail with 1; the fallback failed: no idea either" in response.json()["error"]


# Batches


def test_requests_that_wait_are_predicted_together_and_each_gets_its_own_rows(start: Start) -> None:
    server = start(serve={"batch.max_size": 64})
    with ThreadPoolExecutor(9) as pool:
        busy = occupied(server, pool, 1.0)
        waiting = [
            pool.submit(server.post, BEHAVIOUR, doing(*[("echo", 10.0 * n + row) for row in range(1 + n % 3)]))
            for n in range(8)
        ]
        wait_until(lambda: server.metric("rtdeploy_waiting") == 8, "eight wait")
        assert not busy.done()
        answers = [one.result() for one in waiting]
    for n, answer in enumerate(answers):
        assert output(answer, "score") == [2 * (10.0 * n + row) for row in range(1 + n % 3)]
    assert len({call for answer in answers for call in output(answer, "call")}) == 1
    assert {rows for answer in answers for rows in output(answer, "rows")} == {15}


def test_a_batch_is_never_larger_than_allowed(start: Start) -> None:
    server = start(serve={"batch.max_size": 4})
    with ThreadPoolExecutor(7) as pool:
        busy = occupied(server, pool, 1.0)
        waiting = [pool.submit(server.post, BEHAVIOUR, doing(*[("echo", 1.0)] * 3)) for _ in range(4)]
        waiting += [pool.submit(server.post, BEHAVIOUR, doing(*[("echo", 1.0)] * 6))]
        wait_until(lambda: server.metric("rtdeploy_waiting") == 5, "five wait")
        answers = [one.result() for one in (busy, *waiting)]
    sizes = [output(answer, "rows")[0] for answer in answers]
    assert sizes == [1, 3, 3, 3, 3, 6], "a request that is larger by itself is computed alone"


def test_a_poisoned_request_fails_alone(start: Start) -> None:
    server = start(serve={"batch.max_size": 64})
    with ThreadPoolExecutor(6) as pool:
        busy = occupied(server, pool, 1.0)
        asked = [doing(("echo", 1.0)), doing(("raise", 5.0)), doing(("echo", 3.0)), doing(("nan", 1.0))]
        waiting = [pool.submit(server.post, BEHAVIOUR, body) for body in asked]
        wait_until(lambda: server.metric("rtdeploy_waiting") == 4, "four wait")
        assert not busy.done()
        first, raised, third, nan = (one.result() for one in waiting)
    assert (output(first, "score"), output(third, "score")) == ([2.0], [6.0])
    assert (raised.status_code, nan.status_code) == (500, 500)


def test_where_rows_out_are_not_rows_in_each_request_is_computed_alone(start: Start) -> None:
    server = start(serve={"batch.max_size": 64})
    with ThreadPoolExecutor(3) as pool:
        busy = occupied(server, pool, 0.5)
        waiting = [pool.submit(server.post, BEHAVIOUR, doing(("short", float(n)), ("echo", 0.0))) for n in (1, 2)]
        wait_until(lambda: server.metric("rtdeploy_waiting") == 2, "two wait")
        assert not busy.done()
        assert [output(one.result(), "score") for one in waiting] == [[2.0], [4.0]]


def test_requests_whose_inputs_differ_in_length_are_never_mixed(start: Start) -> None:
    server = start(serve={"batch.max_size": 64})
    uneven = [
        {
            "inputs": [
                {"name": "do", "datatype": "BYTES", "shape": [n], "data": ["echo"] * n},
                {"name": "value", "datatype": "FP64", "shape": [3 - n], "data": [1.0] * (3 - n)},
            ]
        }
        for n in (1, 2)
    ]
    with ThreadPoolExecutor(3) as pool:
        busy = occupied(server, pool, 0.5)
        waiting = [pool.submit(server.post, BEHAVIOUR, body) for body in uneven]
        wait_until(lambda: server.metric("rtdeploy_waiting") == 2, "two wait")
        assert not busy.done()
        assert [one.result().status_code for one in waiting] == [500, 500]


def test_the_first_of_a_batch_waits_for_company_where_it_is_told_to(start: Start) -> None:
    server = start(serve={"batch.max_size": 2, "batch.max_wait_s": 20})
    answers = at_once(server, [doing(("echo", 1.0)), doing(("echo", 2.0))])
    assert [output(answer, "rows") for answer in answers] == [[2], [2]]


def test_a_large_request_to_a_quick_model_does_not_hold_up_the_event_loop(flowers: Server, onnx: Bundle) -> None:
    data = [5.1, 3.5, 1.4, 0.2] * 5000
    tensor = {"name": "X", "datatype": "FP32", "shape": [5000, 4], "data": data}
    response = flowers.post("/v2/models/flowers/infer", {"inputs": [tensor]})
    assert output(response, "label") == [0] * 5000
    queue = float(response.headers["server-timing"].split("queue;dur=")[1].split(",")[0])
    assert queue > 0, "it went through the thread beside the loop"


# Settings


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        ("{", ""),
        ("[1]", ""),
        ({"colour": 1}, "colour: unknown"),
        ({"timeout_s": 0}, "timeout_s: 0 is not a number of seconds above 0"),
        ({"timeout_s": "1s"}, 'timeout_s: "1s" is not a number of seconds'),
        ({"timeout_s": 1e308}, "timeout_s: 1e+308 is not"),
        ({"concurrency": 0}, 'concurrency: 0 is not "auto" or'),
        ({"concurrency": True}, 'concurrency: true is not "auto" or'),
        ({"queue": 1.5}, "queue: 1.5 is not a whole number"),
        ({"batch.max_size": 0}, "batch.max_size: 0 is not"),
        ({"batch.max_wait_s": -1}, "batch.max_wait_s: -1 is not"),
        ({"breaker.failures": "five"}, 'breaker.failures: "five" is not'),
        ({"breaker.reset_s": 0}, "breaker.reset_s: 0 is not"),
        ({"fallback.value": 3}, "fallback.value: 3 is not an object"),
        ({"fallback.python": "rules"}, 'fallback.python: "rules" is not like module:function'),
        ({"fallback.value": FALLBACK, "fallback.python": "behaviour:rule"}, "there is a fallback.value already"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_in_words(serve: object, words: str) -> None:
    told = serve if isinstance(serve, str) else json.dumps(serve)
    with pytest.raises(UsageError) as refused:
        ServeSettings.read({"RTDEPLOY_SERVE": told})
    assert words in refused.value.detail


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        ({"queue": 0}, "queue: 0 is not a whole number of at least 1"),
        ({"fallback.python": "behaviour:nothing"}, "there is no behaviour:nothing"),
        ({"fallback.python": "nothing:rule"}, "there is no nothing:rule"),
        ({"fallback.value": {"score": 1}}, "the model's outputs are score, call, rows"),
        ({"fallback.value": FALLBACK | {"score": "high"}}, "does not fit output 'score'"),
    ],
)
def test_a_setting_that_does_not_fit_the_model_ends_the_server_with_one_error(
    behaviour: Bundle, serve: dict[str, Any], words: str
) -> None:
    server = Server(behaviour.path, serve=serve)
    assert server.ends() == 2
    server.close()
    said = "".join(server.said)
    assert words in said
    assert "→" in said
    assert "Traceback" not in said


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        ServeSettings.read({"RTDEPLOY_SERVE": '{"queue": 0, "timeout_s": -1, "colour": 1}'})
    assert refused.value.detail.count("\n") == 2
