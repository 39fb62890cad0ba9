"""The limits that the validity of a measurement rests on, as the charts draw them."""

from rtdeploy.bench.result import Result

__all__ = ["CPU_SHARE", "lag_ms"]

CPU_SHARE = 0.9


def lag_ms(result: Result) -> float:
    """Lag that p99 may reach: 5 % of the tightest latency budget, never less than 1 ms."""
    budgets = [value for key, value in result.budget.items() if key.endswith("_ms")]
    return max(1.0, 0.05 * min(budgets, default=0.0))
