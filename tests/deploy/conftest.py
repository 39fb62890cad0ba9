"""A platform of its own for each test, and what is deployed to it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from rtdeploy.deploy.contract import Context, Desired, Json
from rtdeploy.deploy.waiting import Pace
from rtdeploy.testing.memory import MemoryProvider
from rtdeploy.testing.platform import Behaviour, Platform, make_bundle

SAMPLE = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}]}'
DEFAULTS: Mapping[str, Json] = {"replicas": 1, "region": "here", "port": 0, "protocol": "rest"}
QUICK = Pace(first_s=0.001, most_s=0.01, settle_s=0.3, smoke_s=0.05, clean_up_s=0.5)

Make = Callable[..., Desired]


@pytest.fixture
def platform() -> Iterator[Platform]:
    platform = Platform()
    yield platform
    platform.close()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(project="p", root=tmp_path, home=tmp_path / ".rtdeploy")


@pytest.fixture
def provider(platform: Platform, context: Context) -> MemoryProvider:
    return MemoryProvider(context, platform)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(
        bundle: int = 1,
        *,
        target: str = "local",
        behaviour: Behaviour | None = Behaviour.ECHO,
        settings: Mapping[str, Json] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Desired:
        place, digest = make_bundle(tmp_path / "bundles", bundle, behaviour)
        return Desired(
            project="p",
            target=target,
            bundle=place,
            digest=digest,
            model="toy",
            settings={**DEFAULTS, **(settings or {})},
            serve={"queue": 64},
            environment=environment or {},
        )

    return make
