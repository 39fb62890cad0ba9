"""A real project with real bundles on this machine; whatever a test starts is gone after it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from rtdeploy.bundle import Bundle, package
from rtdeploy.deploy.contract import Context, Desired, Json
from rtdeploy.spec.model import Model
from rtdeploy_process import connect, family
from rtdeploy_process.mark import Role
from rtdeploy_process.provider import ProcessProvider
from tests.providers.process.target import SETTINGS, Target


def _save_model(path: Path, factor: float) -> None:
    """A model that multiplies: y = factor · x."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    constant = helper.make_tensor("factor", TensorProto.FLOAT, [1], np.array([factor], np.float32))
    graph = helper.make_graph([helper.make_node("Mul", ["x", "factor"], ["y"])], "multiply", [x], [y], [constant])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Bundle]:
    """The n-th bundle, each with a digest of its own; made once."""
    root = tmp_path_factory.mktemp("models")
    made: dict[int, Bundle] = {}

    def bundle(number: int) -> Bundle:
        if number not in made:
            _save_model(root / f"{number}.onnx", float(number))
            model = Model.model_validate({"path": f"{number}.onnx"})
            made[number] = package(model, name="multiply", root=root, store=root / "bundles")
        return made[number]

    return bundle


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """A project; every process that a test has started in it is ended by pid."""
    home = tmp_path / ".rtdeploy"
    yield Context(project="shop", root=tmp_path, home=home)
    for name in ("local", "other", "conformance"):
        family.kill(home / "process" / name, *Role)


@pytest.fixture
def provider(context: Context) -> ProcessProvider:
    return connect(context)


@pytest.fixture
def desire(bundles: Callable[[int], Bundle]) -> Callable[..., Desired]:
    """What a target should be: the n-th bundle with some settings."""

    def desired(
        number: int = 1,
        *,
        target: str = "local",
        settings: Mapping[str, Json] | None = None,
        serve: Mapping[str, Json] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Desired:
        bundle = bundles(number)
        return Desired(
            project="shop",
            target=target,
            bundle=bundle.path,
            digest=bundle.digest,
            model=bundle.name,
            settings={**SETTINGS, **(settings or {})},
            serve=serve or {},
            environment=environment or {},
        )

    return desired


@pytest.fixture
def local(provider: ProcessProvider, context: Context, desire: Callable[..., Desired]) -> Target:
    """The target that most tests are about; nothing is deployed yet."""
    return Target(provider=provider, directory=context.home / "process" / "local", desire=desire)


@pytest.fixture
def broken(local: Target, bundles: Callable[[int], Bundle], tmp_path: Path) -> Target:
    """The same target, to be deployed from a bundle whose model is cut off."""
    whole, folder = bundles(1), tmp_path / "broken"
    shutil.copytree(whole.path, folder)
    model = next(folder.glob("*.onnx"))
    content = model.read_bytes()
    model.unlink()
    model.write_bytes(content[: len(content) // 2])
    return replace(local, desire=lambda: replace(local.desire(), bundle=folder))
