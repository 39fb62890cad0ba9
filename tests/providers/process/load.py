"""Clients that keep their connections and count every request that fails, whatever the reason."""

import http.client
import threading
from collections import Counter
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.providers.process.target import BODY, eventually


class Load:
    """Several clients, each with one connection that it opens again only where the server says so."""

    def __init__(self, url: str, *, clients: int = 4) -> None:
        self._url = urlsplit(url)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(clients)]
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _send(self) -> None:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=30)
        while not self._over.wait(0.002):
            try:
                connection.request("POST", self._url.path, BODY, {"content-type": "application/json"})
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            else:
                self._count(response)
        connection.close()

    def _count(self, response: http.client.HTTPResponse) -> None:
        if response.status == 200:
            self.answered[response.headers["rtdeploy-version"]] += 1
        else:
            self.failures.append(f"status {response.status}")

    def goes_on(self, requests: int = 100) -> None:
        """Wait for so many more answers."""
        goal = self.answered.total() + requests
        eventually(lambda: self.answered.total() >= goal or self.failures, "requests are answered")

    def is_answered_by(self, version: str, requests: int = 50) -> None:
        """Wait for so many answers of one version."""
        goal = self.answered[version] + requests
        eventually(lambda: self.answered[version] >= goal or self.failures, f"{version} answers")
