"""Weights → which server listens on which socket, moving as few as possible."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

__all__ = ["deal", "quotas", "recycling", "share_out"]

K = TypeVar("K")

SPLIT_REQUESTS = 10
SPREAD_REQUESTS = 1000


def share_out(
    doors: Sequence[int],
    weights: Mapping[str, int],
    crews: Mapping[str, Sequence[K]],
    now: Mapping[K, frozenset[int]],
) -> dict[K, frozenset[int]]:
    """Give every server its sockets.

    Args:
        doors: Numbers of the sockets that share the traffic.
        weights: Share of each version.
        crews: The servers of each version that are ready.
        now: What each server listens on now.

    Returns:
        The sockets of every server in ``crews``. The share of a version that has no server goes to those that have
        one; where none has, the sockets wait with nobody listening on them.

    """
    answering = {name: weight for name, weight in weights.items() if weight and crews.get(name)}
    held = {name: frozenset().union(*(now.get(server, frozenset()) for server in crews[name])) for name in answering}
    by_version = deal(doors, quotas(len(doors), answering), held)
    given: dict[K, frozenset[int]] = {server: frozenset() for servers in crews.values() for server in servers}
    for name, numbers in by_version.items():
        given |= _among(sorted(numbers), crews[name], now)
    return given


def _among(numbers: Sequence[int], servers: Sequence[K], now: Mapping[K, frozenset[int]]) -> Mapping[K, frozenset[int]]:
    """Divide the sockets of a version among its servers; where there are fewer than servers, some listen together."""
    if len(numbers) < len(servers):
        return {server: frozenset({numbers[i % len(numbers)]}) for i, server in enumerate(servers)}
    return deal(numbers, quotas(len(numbers), dict.fromkeys(servers, 1)), now)


def quotas(count: int, weights: Mapping[K, int]) -> dict[K, int]:
    """Divide a number in proportion to weights, by the largest remainders; the parts sum to ``count``."""
    total = sum(weights.values())
    exact = {key: count * weight / total for key, weight in weights.items()}
    parts = {key: int(share) for key, share in exact.items()}
    missing = count - sum(parts.values()) if total else 0
    for key in sorted(exact, key=lambda key: parts[key] - exact[key])[:missing]:
        parts[key] += 1
    return parts


def deal(numbers: Iterable[int], quota: Mapping[K, int], now: Mapping[K, frozenset[int]]) -> dict[K, frozenset[int]]:
    """Hand out ``numbers`` by quota; who has some already keeps them as far as the quota goes."""
    rest = set(numbers)
    given: dict[K, set[int]] = {}
    for key, wanted in quota.items():
        given[key] = set(sorted(now.get(key, frozenset()) & rest)[:wanted])
        rest -= given[key]
    free = sorted(rest)
    for key, wanted in quota.items():
        more = wanted - len(given[key])
        given[key].update(free[:more])
        del free[:more]
    return {key: frozenset(got) for key, got in given.items()}


def recycling(weights: Mapping[str, int], name: str, servers: int, *, had_traffic: bool) -> int | None:
    """After how many requests a version's servers close a connection, so that it is opened anew where it should be.

    A version that has lost its traffic closes each at once; while traffic is split connections do not grow old; a
    version alone with several servers lets them spread now and then, so that one that was restarted gets its part.
    """
    if not weights[name]:
        return 1 if had_traffic else None
    if weights[name] < sum(weights.values()):
        return SPLIT_REQUESTS
    return SPREAD_REQUESTS if servers > 1 else None
