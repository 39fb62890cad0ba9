"""docs/runtime.md says what there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rtdeploy.runtime.settings import ServeSettings
from rtdeploy.spec import flatten
from rtdeploy.spec.model import Serve
from tests.runtime.conftest import Server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/runtime.md").read_text()


def test_every_flag_is_explained() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "rtdeploy.runtime", "--help"], capture_output=True, text=True, check=True
    ).stdout
    flags = set(re.findall(r"--[a-z][a-z-]+", shown)) - {"--help"}
    assert flags
    assert flags == set(re.findall(r"^\| `(--[a-z-]+)` \|", PAGE, re.MULTILINE))


def test_every_setting_is_explained_and_read_as_the_spec_writes_it() -> None:
    sections = {"batch": {"max_size": 2}, "breaker": {"failures": 1}}
    keys: set[str] = set()
    for fallback in ({"value": {"y": 1}}, {"python": "rules:score"}):
        flat = flatten(Serve.model_validate(sections | {"fallback": fallback}))
        settings = ServeSettings.read({"RTDEPLOY_SERVE": json.dumps(flat)})
        assert settings.batch_max_size == 2
        assert settings.fallback_value or settings.fallback_python
        keys |= flat.keys()
    explained = PAGE.partition("## How a request is treated")[2].partition("\n## ")[0]
    assert keys == set(re.findall(r"^\| `([a-z_.]+)` \|", explained, re.MULTILINE))


def test_every_metric_is_explained(plays: Server) -> None:
    families = re.findall(r"^# TYPE (\w+)", plays.client.get("/metrics").text, re.MULTILINE)
    assert len(families) == 12
    assert [name for name in families if name not in PAGE] == []


@pytest.mark.parametrize(("shown", "name"), [("rtdeploy", "rtdeploy"), ("MLflow", "mlflow")])
def test_the_figures_are_those_of_the_committed_result(shown: str, name: str) -> None:
    found = json.loads((ROOT / "benchmarks/serving/result.json").read_text())
    ratio, (low, high) = found[name]["cpu_us_ratio"], found[name]["cpu_us_ratio_range"]
    assert f"| {shown} | {ratio:.2f} | {low:.2f} to {high:.2f} |" in PAGE
    assert f"range over {found['turns']} rounds" in PAGE
