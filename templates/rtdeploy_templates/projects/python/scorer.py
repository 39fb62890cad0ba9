"""Score customers by the risk that they leave."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt


class Scorer:
    """A logistic model whose weights lie in a file beside this one."""

    artifacts = ("weights.json",)

    def load(self, directory: Path) -> None:
        """Read the weights once, when the server starts; ``directory`` is where this file lies."""
        held = json.loads((directory / "weights.json").read_text())
        self.weights = np.array(held["weights"], dtype=np.float64)
        self.bias = float(held["bias"])

    def predict(self, inputs: dict[str, npt.NDArray[np.float64]]) -> dict[str, npt.NDArray[np.float64]]:
        """Take ``features`` [n, 3] (months as customer, monthly fee, calls to support), give ``risk`` [n], 0 to 1."""
        return {"risk": 1 / (1 + np.exp(-(inputs["features"] @ self.weights + self.bias)))}
