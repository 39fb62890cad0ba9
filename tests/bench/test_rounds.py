"""Taking turns: every target plays the whole schedule, and never two at a time."""

import numpy as np
import pytest

from rtdeploy.bench.rounds import Rounds


@pytest.mark.parametrize(
    ("duration_s", "count", "block_s"), [(60.0, 20, 3.0), (10.0, 10, 1.0), (1.5, 1, 1.5), (600.0, 120, 5.0)]
)
def test_blocks_last_one_to_five_seconds_and_fill_the_duration(duration_s: float, count: int, block_s: float) -> None:
    rounds = Rounds.plan(2, duration_s, 0.0, seed=1)
    assert (rounds.count, rounds.block_s) == (count, block_s)
    assert rounds.duration_s == pytest.approx(2 * duration_s)


def test_two_targets_never_play_at_the_same_time_and_each_plays_all_of_its_schedule() -> None:
    rounds = Rounds.plan(3, 30.0, 2.0, seed=1)
    own = np.sort(np.random.default_rng(1).uniform(-2.0, 30.0, 3000))
    turns = [rounds.common(own, target) for target in range(3)]
    for times in turns:
        assert (np.diff(times) > 0).all()
        assert ((times < 0) == (own < 0)).all()
        assert times[0] >= -6.0
        assert times[-1] <= 90.0
    blocks = [set(np.floor(times[times >= 0] / rounds.block_s).astype(int)) for times in turns]
    assert not blocks[0] & blocks[1]
    assert not blocks[0] & blocks[2]
    assert not blocks[1] & blocks[2]
    assert len(blocks[0] | blocks[1] | blocks[2]) == 3 * rounds.count


def test_the_order_is_drawn_for_each_round_from_the_seed() -> None:
    places = Rounds.plan(2, 60.0, 0.0, seed=1).place
    assert (np.sort(places, axis=1) == [0, 1]).all()
    assert 3 < places[:, 0].sum() < 17
    assert (Rounds.plan(2, 60.0, 0.0, seed=1).place == places).all()


def test_the_beginning_of_a_block_and_the_warm_up_do_not_count() -> None:
    rounds = Rounds.plan(2, 60.0, 5.0, seed=1)
    own = np.array([-1.0, 0.0, 0.49, 0.5, 2.9, 3.1, 3.6])
    assert rounds.counts(own).tolist() == [False, False, False, True, True, False, True]


def test_a_round_is_complete_when_every_target_has_played_it() -> None:
    rounds = Rounds.plan(2, 60.0, 0.0, seed=1)
    assert [rounds.completed(at) for at in (0.0, 5.9, 6.0, 119.9, 120.0, 500.0)] == [0, 0, 1, 19, 20, 20]
