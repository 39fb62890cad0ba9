"""The correct provider keeps every promise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from rtdeploy.deploy.contract import Context, Desired, Json, Provider
from rtdeploy.errors import QuotaError
from rtdeploy.testing import DesiredFactory, ProviderConformance, Refusal
from rtdeploy.testing.memory import MemoryProvider
from rtdeploy.testing.platform import Platform
from tests.deploy.conftest import SAMPLE, Make

ALTERNATIVES: Mapping[str, Json] = {
    "replicas": 2,
    "label": "blue",
    "region": "there",
    "note": "hello",
    "port": 4711,
    "protocol": "rest",
    "scale.min": 2,
    "scale.max": 5,
    "ttl_s": 3600,
}


class MemoryConformance(ProviderConformance):
    deadline_s = 2.0
    poll_s = 0.002

    @pytest.fixture
    def reconnect(self, platform: Platform, context: Context) -> Callable[[], Provider]:
        return lambda: self.connect(context, platform)

    def connect(self, context: Context, platform: Platform) -> Provider:
        return MemoryProvider(context, platform)

    @pytest.fixture
    def desired(self, make: Make) -> DesiredFactory:
        def desired(
            bundle: int = 1,
            *,
            settings: Mapping[str, Json] | None = None,
            environment: Mapping[str, str] | None = None,
        ) -> Desired:
            return make(bundle, target=self.target, settings=settings, environment=environment)

        return desired

    @pytest.fixture
    def broken_bundle(self, make: Make) -> Desired:
        return make(9, target=self.target, behaviour=None)

    @pytest.fixture
    def refused(self, desired: DesiredFactory) -> Desired:
        return desired(settings={"replicas": 1000})

    @pytest.fixture
    def alternatives(self) -> Mapping[str, Json]:
        return ALTERNATIVES

    @pytest.fixture
    def sample(self) -> bytes:
        return SAMPLE

    @pytest.fixture
    def refusals(self, provider: Provider, refused: Desired) -> Sequence[Refusal]:
        other = replace(refused, target="other")
        return (Refusal(words="a thousand", provoke=lambda: provider.create(other, "v1"), error=QuotaError),)


class TestMemoryProvider(MemoryConformance):
    pass
