"""A target under test: what is done to it, and what it is waited for."""

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import psutil

from rtdeploy.deploy.contract import Desired, Json, Observed, State, Version
from rtdeploy_process import family
from rtdeploy_process.mark import Role
from rtdeploy_process.provider import ProcessProvider

T = TypeVar("T")

SETTINGS: Mapping[str, Json] = {
    "drain_timeout_s": 10.0,
    "host": "127.0.0.1",
    "port": 0,
    "protocol": "rest",
    "replicas": 1,
    "startup_timeout_s": 60.0,
}

BODY = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}).encode()


def eventually(look: Callable[[], T], what: str, *, within_s: float = 60.0) -> T:
    """Look until there is something."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)
    return found


def post(url: str, client: http.client.HTTPConnection | None = None) -> tuple[str, bool, Sequence[float]]:
    """Send one request; the version that answered, whether it keeps the connection, and what it answered."""
    place = urlsplit(url)
    with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)) as own:
        connection = client or own
        connection.request("POST", place.path, BODY, {"content-type": "application/json"})
        response = connection.getresponse()
        body = response.read()
    assert response.status == 200, body
    keeps = response.headers.get("connection") != "close"
    return response.headers["rtdeploy-version"], keeps, json.loads(body)["outputs"][0]["data"]


def connection_to(url: str) -> http.client.HTTPConnection:
    """A connection that is kept until the server closes it."""
    place = urlsplit(url)
    return http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)


@dataclass(frozen=True)
class Target:
    provider: ProcessProvider
    directory: Path
    desire: Callable[..., Desired]

    @property
    def name(self) -> str:
        return self.directory.name

    def observed(self) -> Observed:
        observed = self.provider.observe(self.name)
        assert observed is not None
        return observed

    def version(self, name: str) -> Version | None:
        observed = self.provider.observe(self.name)
        return next((v for v in observed.versions if v.name == name), None) if observed else None

    def until(self, name: str, *states: State) -> Version:
        """Wait until a version is in one of some states."""

        def look() -> Version | None:
            found = self.version(name)
            return found if found and found.state in states else None

        try:
            return eventually(look, f"{name} is {', '.join(states)}")  # type: ignore[return-value]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.observed()}\n{self.log()}") from None

    def deploy(self, number: int = 1, version: str = "v1", **desire: object) -> Version:
        """Create a version and wait until it is ready."""
        self.provider.create(self.desire(number, **desire), version)
        return self.until(version, State.READY)

    def url(self) -> str:
        """Where the target answers."""
        endpoint = self.observed().endpoint
        assert endpoint is not None
        return endpoint.url

    def predict(self, client: http.client.HTTPConnection | None = None) -> tuple[str, Sequence[float]]:
        """Send one request; the version that answered, and what."""
        version, _, data = post(self.url(), client)
        return version, data

    def processes(self, role: Role) -> list[psutil.Process]:
        return [member.process for member in family.find(self.directory) if member.role is role]

    def process(self, role: Role) -> psutil.Process:
        (found,) = self.processes(role)
        return found

    def log(self) -> str:
        return "\n".join(self.provider.logs(self.name, lines=1000))
