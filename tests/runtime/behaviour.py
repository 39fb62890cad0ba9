"""A model that does what the request says; it is packaged as a user's class would be."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np


class Behaviour:
    """Takes ``do`` (text) and ``value`` (number); says beside the score which call it was, and of how many rows."""

    def load(self, directory: Path) -> None:
        self.calls = 0
        time.sleep(float(os.environ.get("BEHAVIOUR_LOAD_S", "0")))

    def predict(self, inputs: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        done, values = [text.decode() for text in inputs["do"]], inputs["value"]
        rows = len(values)
        scores = values * 2.0
        for do, value in zip(done, values.tolist(), strict=True):
            if do == "sleep":
                time.sleep(value)
            elif do == "raise":
                raise RuntimeError(f"asked to fail with {value:g}")
            elif do == "exit":
                raise SystemExit(3)
            elif do == "stop":
                raise StopIteration
            elif do == "nan":
                scores[:] = np.nan
        answer = {
            "score": scores,
            "call": np.full(rows, self.calls, dtype=np.int64),
            "rows": np.full(rows, rows, dtype=np.int64),
        }
        if "short" in done:
            answer = {name: array[:1] for name, array in answer.items()}
        if "missing" in done:
            del answer["score"]
        if "objects" in done:
            answer["score"] = np.array([object()] * rows)
        return answer


def rule(inputs: dict[str, Any]) -> dict[str, Any]:
    """What a fallback may be."""
    return {"score": inputs["value"] - 1, "call": [0] * len(inputs["value"]), "rows": [0] * len(inputs["value"])}


def broken_rule(inputs: dict[str, Any]) -> dict[str, Any]:
    """What a fallback should not be."""
    raise ValueError("no idea either")
