"""A directory with a model, and the file that a test writes into it."""

from pathlib import Path

import pytest

from tests.spec.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("model.onnx", "sample.json", "train.parquet", "payloads.jsonl", "arrivals.csv"):
        (tmp_path / name).write_text("1\n")
    return Project(tmp_path)
