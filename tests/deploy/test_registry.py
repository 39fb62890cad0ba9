"""Names become providers, and no name imports more than its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from rtdeploy.deploy import connect, provider_names, registry
from rtdeploy.deploy.contract import Context
from rtdeploy.errors import MissingDependencyError, RtdeployError, UsageError


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another distribution with providers of its own: one works, one lacks an SDK, one names nothing."""
    info = tmp_path / "site" / "acme_serving-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-serving\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[rtdeploy.providers]\nacme = acme_serving:connect\nnosdk = acme_nosdk:connect\nempty = acme_serving:absent\n"
    )
    (tmp_path / "site" / "acme_serving.py").write_text("def connect(context): return ('acme', context.project)\n")
    (tmp_path / "site" / "acme_nosdk.py").write_text("import an_sdk_that_is_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry._entry_points.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def forget_entry_points() -> None:
    registry._entry_points.cache_clear()


def context(root: Path) -> Context:
    return Context(project="p", root=root, home=root / ".rtdeploy")


def test_the_built_in_provider_is_connected_to(tmp_path: Path) -> None:
    assert connect("process", context(tmp_path)).name == "process"


def test_a_provider_of_another_package_is_found_and_connected_to(other_package: Path) -> None:
    assert "acme" in provider_names()
    assert connect("acme", context(other_package)) == ("acme", "p")  # type: ignore[comparison-overlap]


def test_a_missing_package_is_one_error_with_the_line_that_installs_it(other_package: Path) -> None:
    with pytest.raises(MissingDependencyError, match="The provider 'nosdk' needs a package") as error:
        connect("nosdk", context(other_package))
    assert error.value.remedy == "pip install acme-serving"
    assert "an_sdk_that_is_not_installed" in error.value.detail


def test_an_entry_that_names_nothing_is_said_to_do_so(other_package: Path) -> None:
    with pytest.raises(RtdeployError, match="no entry 'acme_serving:absent'"):
        connect("empty", context(other_package))


@pytest.mark.parametrize("name", ["docker", "sagemaker", "azureml", "databricks", "kserve"])
def test_a_provider_that_the_file_knows_and_this_release_does_not_have_is_named_as_such(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"no adapter for the provider '{name}' yet") as error:
        connect(name, context(tmp_path))
    assert "process" in error.value.remedy


def test_an_unknown_name_gets_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No provider 'proces'") as error:
        connect("proces", context(tmp_path))
    assert error.value.remedy == "Did you mean process?"


def test_the_deploy_core_imports_no_heavy_package() -> None:
    heavy = ("httpx", "numpy", "pydantic", "yaml", "orjson", "psutil", "filelock", "rtdeploy_process", "pytest")
    program = f"import sys, rtdeploy.deploy; print([name for name in {heavy!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
