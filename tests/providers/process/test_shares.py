"""Weights become sockets: exactly, and with as few moves as possible."""

from hypothesis import given
from hypothesis import strategies as st

from rtdeploy_process.shares import SPLIT_REQUESTS, quotas, recycling, share_out

DOORS = range(100)
NAMES = ("v1", "v2", "v3")


@st.composite
def fleets(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, list[str]]]:
    first = draw(st.integers(0, 100))
    second = draw(st.integers(0, 100 - first))
    weights = dict(zip(NAMES, (first, second, 100 - first - second), strict=True))
    return weights, {name: [f"{name}/{n}" for n in range(draw(st.integers(0, 7)))] for name in NAMES}


@given(fleets())
def test_every_socket_has_a_server_and_every_version_its_share(
    fleet: tuple[dict[str, int], dict[str, list[str]]],
) -> None:
    weights, crews = fleet
    shares = share_out(DOORS, weights, crews, {})
    by_version = {name: frozenset().union(*(shares[s] for s in crews[name])) for name in NAMES}
    answering = [name for name in NAMES if weights[name] and crews[name]]
    if not answering:
        assert not any(shares.values())
        return
    assert frozenset().union(*by_version.values()) == frozenset(DOORS)
    if all(crews[name] for name in NAMES):
        assert {name: len(by_version[name]) for name in NAMES} == weights
    assert all(not by_version[name] for name in NAMES if name not in answering)


@given(fleets())
def test_a_server_of_a_version_with_traffic_always_has_a_socket(
    fleet: tuple[dict[str, int], dict[str, list[str]]],
) -> None:
    weights, crews = fleet
    shares = share_out(DOORS, weights, crews, {})
    total = sum(weights[name] for name in NAMES if crews[name])
    for name in NAMES:
        if weights[name] and total:
            assert all(shares[server] for server in crews[name])


@given(fleets(), fleets())
def test_nothing_moves_where_nothing_changes_and_no_more_than_needed_where_something_does(
    before: tuple[dict[str, int], dict[str, list[str]]], after: tuple[dict[str, int], dict[str, list[str]]]
) -> None:
    weights, crews = before
    now = share_out(DOORS, weights, crews, {})
    assert share_out(DOORS, weights, crews, now) == now
    assert share_out(DOORS, *after, now) == share_out(DOORS, *after, share_out(DOORS, *after, now))


def test_one_per_cent_is_one_socket() -> None:
    shares = share_out(DOORS, {"v1": 99, "v2": 1}, {"v1": ["a"], "v2": ["b"]}, {"a": frozenset(DOORS)})
    assert len(shares["a"]) == 99
    assert shares["a"] | shares["b"] == frozenset(DOORS)


def test_parts_are_whole_and_sum_up() -> None:
    assert quotas(100, {"a": 1, "b": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
    assert quotas(0, {"a": 1}) == {"a": 0}
    assert quotas(5, {}) == {}


def test_connections_grow_old_only_where_they_are_where_they_should_be() -> None:
    assert recycling({"v1": 100}, "v1", 1, had_traffic=True) is None
    assert recycling({"v1": 0, "v2": 100}, "v1", 1, had_traffic=True) == 1
    assert recycling({"v1": 100, "v2": 0}, "v2", 1, had_traffic=False) is None
    assert recycling({"v1": 90, "v2": 10}, "v1", 1, had_traffic=True) == SPLIT_REQUESTS
    assert recycling({"v1": 100}, "v1", 2, had_traffic=True) is not None
