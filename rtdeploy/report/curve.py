"""One self-contained HTML page about a capacity: the rate, the curve, every rate that was tried."""

import rtdeploy
from rtdeploy.bench.ceiling import Capacity
from rtdeploy.report import ceiling, facts, words
from rtdeploy.report.charts.load import latency_against_load
from rtdeploy.report.page import template

__all__ = ["render"]


def render(capacity: Capacity) -> str:
    """HTML without script, which loads nothing."""
    steps = sorted(capacity.steps, key=lambda step: step.rate_rps)
    surroundings = {"run_id": capacity.run_id, "started_at": capacity.started_at, "target": capacity.target}
    return template("capacity.html.j2").render(
        capacity=capacity,
        name=ceiling.name(capacity),
        meaning=ceiling.MEANING[capacity.verdict],
        reasons=[words.plain(reason) for reason in capacity.reasons],
        figures=list(_figures(capacity)),
        chart=latency_against_load(capacity),
        heads=ceiling.HEADS,
        steps=[(step, ceiling.cells(step), [words.plain(reason) for reason in step.reasons]) for step in steps],
        scenario=facts.flat(capacity.scenario).items(),
        environment=facts.flat({**surroundings, **capacity.environment}).items(),
        version=rtdeploy.__version__,
    )


def _figures(capacity: Capacity) -> "list[tuple[str, str]]":
    known = [
        ("Holds", words.rate(capacity.rate_rps)),
        ("Does not hold", words.rate(capacity.fails_rps)),
        ("Rates tried", words.count(len(capacity.steps))),
    ]
    if capacity.sizing is not None:
        known.append((f"For {words.rate(capacity.sizing.throughput_rps)}", f"{capacity.sizing.replicas:,} endpoints"))
        known.append(("Cost", "not known" if capacity.sizing.cost is None else "below"))
    return known
