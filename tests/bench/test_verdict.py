"""pass, fail, inconclusive, invalid: each with its reason in words."""

import numpy as np

from rtdeploy.bench.figures import Rates
from rtdeploy.bench.result import Verdict
from rtdeploy.bench.scenario import Budget
from rtdeploy.bench.validity import Conduct, Doubts, doubts
from rtdeploy.bench.verdict import judge
from rtdeploy.exitcodes import ExitCode
from tests.bench.evidence import NO_DOUBTS, evidence, p99_budget

FAST, SLOW = 0.003, 0.2


def test_fast_answers_pass_and_the_reason_names_figure_budget_and_evidence() -> None:
    found = judge(evidence([FAST] * 1500), p99_budget(80), NO_DOUBTS)
    assert found.verdict is Verdict.PASS
    assert found.reasons == ("p99 3 ms ≤ 80 ms (95 % interval 3 to 3 ms, 1,500 requests).",)


def test_slow_answers_fail() -> None:
    found = judge(evidence([SLOW] * 1500), p99_budget(80), NO_DOUBTS)
    assert found.verdict is Verdict.FAIL
    assert found.reasons[0].startswith("p99 200 ms > 80 ms (95 % interval 200 to 200 ms")


def test_298_fast_answers_are_too_few_for_p99_and_the_reason_says_how_long_would_do() -> None:
    found = judge(evidence([FAST] * 298), p99_budget(80), NO_DOUBTS)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "too little evidence either way: about 4 s at this rate would decide it" in found.reasons[0]
    assert judge(evidence([FAST] * 299), p99_budget(80), NO_DOUBTS).verdict is Verdict.PASS


def test_a_p99_at_its_budget_is_inconclusive() -> None:
    latency = np.full(2000, FAST)
    latency[::100] = SLOW
    assert judge(evidence(latency), p99_budget(80), NO_DOUBTS).verdict is Verdict.INCONCLUSIVE


def test_one_long_stall_is_one_piece_of_evidence_and_not_hundreds() -> None:
    latency = np.full(6000, FAST)
    latency[3000:3060] = SLOW  # one per cent, all in one stall
    scattered = np.full(6000, FAST)
    scattered[np.random.default_rng(1).choice(6000, 30, replace=False)] = SLOW
    stalled = judge(evidence(latency), p99_budget(80), NO_DOUBTS)
    assert stalled.verdict is Verdict.INCONCLUSIVE
    assert "in clusters of about" in stalled.reasons[0]
    assert judge(evidence(scattered), p99_budget(80), NO_DOUBTS).verdict is Verdict.PASS


def test_hiccups_far_below_the_budget_do_not_keep_a_run_from_passing() -> None:
    latency = np.full(1500, 0.001)
    latency[700:715] = 0.02
    assert judge(evidence(latency), p99_budget(80), NO_DOUBTS).verdict is Verdict.PASS


def test_a_failed_request_is_over_every_budget_however_fast_it_failed() -> None:
    failed = np.arange(1500) % 20 == 0
    found = judge(evidence([FAST] * 1500, failed=failed), p99_budget(80), NO_DOUBTS)
    assert found.verdict is Verdict.FAIL


def test_one_missed_budget_among_met_ones_is_a_miss_and_its_reason_comes_first() -> None:
    found = judge(evidence([FAST] * 1500), Budget(p50_ms=1.0, p99_ms=80.0), NO_DOUBTS)
    assert found.verdict is Verdict.FAIL
    assert found.reasons[0].startswith("p50 3 ms > 1 ms")
    assert found.reasons[1].startswith("p99 3 ms ≤ 80 ms")


def test_every_line_of_the_budget_has_its_own_verdict() -> None:
    latency = np.full(1500, FAST)
    latency[::100] = SLOW
    budget = Budget(p50_ms=1.0, p99_ms=80.0, error_rate=0.01, throughput_rps=100.0)
    assert judge(evidence(latency), budget, NO_DOUBTS).lines == {
        "p50_ms": Verdict.FAIL,
        "p99_ms": Verdict.INCONCLUSIVE,
        "error_rate": Verdict.PASS,
        "throughput_rps": Verdict.PASS,
    }


def test_no_line_is_better_than_a_run_that_is_invalid_or_interrupted() -> None:
    fast = [FAST] * 1500
    doubt = doubts(Conduct(planned_rps=200, offered_rps=100, lag_s=np.zeros(10)), {})
    assert judge(evidence(fast), p99_budget(80), doubt).lines == {"p99_ms": Verdict.INVALID}
    assert judge(evidence([], window_s=1.0), p99_budget(80), NO_DOUBTS).lines == {"p99_ms": Verdict.INVALID}
    assert judge(evidence(fast, interrupted=True), p99_budget(80), NO_DOUBTS).lines == {"p99_ms": Verdict.INCONCLUSIVE}


def test_a_line_that_only_the_generator_made_miss_is_not_missed_beside_one_that_is() -> None:
    late = np.full(1500, 0.05)
    doubt = doubts(Conduct(planned_rps=100, offered_rps=100, lag_s=late), {0.5: 4.0, 0.99: 40.0})
    latency = np.full(1500, FAST)
    latency[::10] = SLOW
    found = judge(evidence(latency + late, lag_s=late), Budget(p50_ms=4.0, p99_ms=40.0), doubt)
    assert found.verdict is Verdict.FAIL
    assert found.lines == {"p50_ms": Verdict.INVALID, "p99_ms": Verdict.FAIL}


def test_errors_are_judged_like_latencies() -> None:
    budget = Budget(error_rate=0.01)
    none = judge(evidence([FAST] * 1500), budget, NO_DOUBTS)
    some = judge(evidence([FAST] * 1500, failed=np.arange(1500) % 10 == 0), budget, NO_DOUBTS)
    assert none.verdict is Verdict.PASS
    assert none.reasons[0] == "errors 0 % ≤ 1 % (0 of 1,500 requests; at 95 % at most 0.2 %)."
    assert some.verdict is Verdict.FAIL
    assert some.reasons[0].startswith("errors 10 % > 1 % (150 of 1,500 requests")


def test_a_declared_error_rate_needs_evidence_and_a_default_one_only_no_evidence_against_it() -> None:
    asked, default = Budget(error_rate=0.001), Budget(error_rate=0.001, error_rate_declared=False)
    clean = evidence([FAST] * 1500)
    assert judge(clean, asked, NO_DOUBTS).verdict is Verdict.INCONCLUSIVE
    assert judge(clean, default, NO_DOUBTS).verdict is Verdict.PASS
    broken = evidence([FAST] * 1500, failed=np.arange(1500) % 10 == 0)
    assert judge(broken, default, NO_DOUBTS).verdict is Verdict.FAIL


def test_a_budget_of_no_errors_at_all_is_met_by_a_run_without_any() -> None:
    assert judge(evidence([FAST] * 100), Budget(error_rate=0.0), NO_DOUBTS).verdict is Verdict.PASS
    one = evidence([FAST] * 100, failed=np.arange(100) == 50)
    assert judge(one, Budget(error_rate=0.0), NO_DOUBTS).verdict is Verdict.FAIL


def test_throughput_passes_when_the_server_keeps_up_with_a_load_that_is_high_enough() -> None:
    def with_rates(offered: float, achieved: float, declared: float = 200.0) -> Verdict:
        rates = Rates(planned=declared, offered=offered, achieved=achieved)
        made = evidence([FAST] * 1500, rate_rps=declared, rates=rates)
        return judge(made, Budget(throughput_rps=200.0), NO_DOUBTS).verdict

    assert with_rates(201.0, 200.8) is Verdict.PASS
    assert with_rates(198.5, 198.4) is Verdict.PASS  # fewer arrived, by chance; all were answered
    assert with_rates(201.0, 150.0) is Verdict.FAIL
    assert with_rates(100.0, 100.0, declared=100.0) is Verdict.INCONCLUSIVE


def test_no_samples_never_pass() -> None:
    for budget in (p99_budget(80), Budget(error_rate=0.5), Budget()):
        found = judge(evidence([], window_s=1.0), budget, NO_DOUBTS)
        assert found.verdict is Verdict.INVALID
        assert found.reasons[0].startswith("Nothing was measured")


def test_a_run_in_which_nothing_was_answered_is_not_a_measurement() -> None:
    found = judge(evidence([np.nan] * 50, failed=[1] * 50), p99_budget(80), NO_DOUBTS)
    assert found.verdict is Verdict.INVALID
    assert found.reasons[0] == "Nothing was measured: none of 50 requests was answered (http_503 50)."


def test_without_a_budget_there_is_nothing_to_judge() -> None:
    assert judge(evidence([FAST] * 10), Budget(), NO_DOUBTS).verdict is Verdict.INCONCLUSIVE


def test_a_load_that_was_not_offered_is_invalid_whatever_the_latencies_say() -> None:
    doubt = doubts(Conduct(planned_rps=50_000, offered_rps=9000, lag_s=np.zeros(10)), {0.99: 80.0})
    for latency in (FAST, SLOW):
        found = judge(evidence([latency] * 1500), p99_budget(80), doubt)
        assert found.verdict is Verdict.INVALID
        assert found.reasons[0].startswith("The load was not offered: 9,000/s of 50,000/s")


def test_a_late_generator_spoils_a_pass_and_a_miss_that_is_its_own() -> None:
    late = np.full(1500, 0.5)
    doubt = doubts(Conduct(planned_rps=100, offered_rps=100, lag_s=late), {0.99: 80.0})
    own = judge(evidence(late + FAST, lag_s=late), p99_budget(80), doubt)
    assert own.verdict is Verdict.INVALID
    assert own.reasons[0].startswith("The generator started requests late: p99 500 ms, 4 ms may be")
    assert "p99 503 ms" in own.reasons[1]  # from the schedule, not from the send


def test_a_miss_that_no_pause_of_the_generator_explains_is_a_miss() -> None:
    late = np.zeros(1500)
    late[700:750] = np.linspace(0.5, 0.01, 50)
    doubt = doubts(Conduct(planned_rps=100, offered_rps=100, lag_s=late), {0.99: 80.0})
    found = judge(evidence(late + SLOW, lag_s=late), p99_budget(80), doubt)
    assert found.verdict is Verdict.FAIL
    assert found.reasons[-1].startswith("The generator started requests late")


def test_a_miss_by_no_more_than_the_generator_measures_of_nothing_is_no_miss() -> None:
    doubt = Doubts(lag=["The generator alone measures p99 5 ms of a server that does nothing."])
    near = judge(evidence([0.012] * 1500, floor=np.full(250, 0.005)), p99_budget(10), doubt)
    far = judge(evidence([0.018] * 1500, floor=np.full(250, 0.005)), p99_budget(10), doubt)
    assert (near.verdict, far.verdict) == (Verdict.INVALID, Verdict.FAIL)


def test_a_single_pause_in_the_noise_floor_does_not_explain_a_miss_of_every_request() -> None:
    doubt = Doubts(lag=["The generator started requests late."])
    floor = np.append(np.full(249, 1e-4), 0.05)
    found = judge(evidence([5e-4] * 1500, floor=floor), p99_budget(0.05), doubt)
    assert found.verdict is Verdict.FAIL
    noise = judge(evidence(np.append(np.full(1470, 2e-5), np.full(30, 0.04)), floor=floor), p99_budget(0.05), doubt)
    assert noise.verdict is Verdict.INVALID


def test_answers_that_waited_for_a_generator_that_stood_still_are_no_miss() -> None:
    latency, late = np.full(1500, FAST), np.zeros(1500)
    for pause in range(100, 1500, 100):  # every second the generator stands still for 200 ms ...
        late[pause : pause + 20] = np.linspace(0.2, 0.01, 20)
        latency[pause - 3 : pause] = 0.23 + FAST  # ... and reads late what was under way
    doubt = doubts(Conduct(planned_rps=100, offered_rps=100, lag_s=late), {0.99: 80.0})
    assert (latency > 0.08).mean() > 0.02
    assert judge(evidence(latency + late, lag_s=late), p99_budget(80), doubt).verdict is Verdict.INVALID


def test_an_interrupted_run_never_passes_and_may_still_fail() -> None:
    stopped = judge(evidence([FAST] * 1500, interrupted=True), p99_budget(80), NO_DOUBTS)
    assert stopped.verdict is Verdict.INCONCLUSIVE
    assert stopped.reasons[0].startswith("Interrupted after 15.0 s")
    assert judge(evidence([SLOW] * 1500, interrupted=True), p99_budget(80), NO_DOUBTS).verdict is Verdict.FAIL


def test_each_verdict_has_its_exit_code() -> None:
    codes = {verdict: verdict.exit_code for verdict in Verdict}
    assert codes == {
        Verdict.PASS: ExitCode.OK,
        Verdict.FAIL: ExitCode.BUDGET_MISSED,
        Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
        Verdict.INVALID: ExitCode.INVALID,
    }
