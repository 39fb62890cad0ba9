"""The doctor looks at this machine, and tells what to do about what is missing."""

from pathlib import Path

import pytest

from rtdeploy.deploy.contract import Context
from rtdeploy_process import connect
from rtdeploy_process.checks import checks


def test_a_machine_that_is_fit_passes_every_check_and_nothing_is_made(context: Context) -> None:
    found = connect(context).check()
    assert [check for check in found if not check.ok] == []
    assert not context.home.exists()


def test_what_is_missing_has_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "plan9")
    monkeypatch.setattr("rtdeploy_process.checks.find_spec", lambda name: None)
    monkeypatch.setattr("rtdeploy_process.checks._FILES", 10**9)
    monkeypatch.setattr("rtdeploy_process.checks._FREE_BYTES", 1 << 70)
    missing = {check.name: check.remedy for check in checks(tmp_path) if not check.ok}
    assert {"system", "onnxruntime", "uvloop", "open files", "disk"} <= missing.keys()
    assert "pip install" in missing["onnxruntime"]
