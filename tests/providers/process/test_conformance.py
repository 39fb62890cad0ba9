"""The process provider keeps what every provider promises."""

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from rtdeploy.deploy.contract import Context, Desired, Json
from rtdeploy.testing import DesiredFactory, ProviderConformance
from rtdeploy_process import connect
from rtdeploy_process.provider import ProcessProvider
from tests.providers.process.target import BODY, Target


class TestProcess(ProviderConformance):
    @pytest.fixture
    def reconnect(self, context: Context) -> Callable[[], ProcessProvider]:
        return lambda: connect(context)

    @pytest.fixture
    def desired(self, desire: Callable[..., Desired]) -> DesiredFactory:
        def make(
            bundle: int = 1,
            *,
            settings: Mapping[str, Json] | None = None,
            environment: Mapping[str, str] | None = None,
        ) -> Desired:
            return desire(bundle, target=self.target, settings=settings, environment=environment)

        return make

    @pytest.fixture
    def broken_bundle(self, broken: Target) -> Desired:
        """The manifest is whole, the model is cut off."""
        return replace(broken.desire(), target=self.target)

    @pytest.fixture
    def refused(self, desired: DesiredFactory) -> Iterator[Desired]:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            yield desired(settings={"port": taken.getsockname()[1]})

    @pytest.fixture
    def alternatives(self) -> Mapping[str, Json]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.2", 0))
            port: int = probe.getsockname()[1]
        return {
            "drain_timeout_s": 5.0,
            "host": "127.0.0.2",
            "port": port,
            "protocol": "grpc",
            "replicas": 2,
            "startup_timeout_s": 45.0,
            "ttl_s": 3600.0,
        }

    @pytest.fixture
    def sample(self) -> bytes:
        return BODY
