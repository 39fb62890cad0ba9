"""Clients that keep their connections and never stop asking, and note every failure."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.runtime.conftest import BEHAVIOUR, PATIENCE_S, doing

__all__ = ["Load", "under_load"]

_BODY = json.dumps(doing(("sleep", 0.005))).encode()


@dataclass(slots=True)
class Load:
    """What the clients have met so far."""

    port: int
    over: threading.Event = field(default_factory=threading.Event)
    answered: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)

    def client(self) -> None:
        """Ask over one connection for as long as the server keeps it, then over another, until told to stop."""
        while not self.over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
            try:
                connection.connect()
            except ConnectionRefusedError:
                return  # nobody listens any more, and nothing was asked
            self._ask(connection)
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        while not self.over.is_set():
            try:
                connection.request("POST", BEHAVIOUR, _BODY)
                response = connection.getresponse()
                response.read()
            except OSError as error:
                self.failures.append(repr(error))
                return
            except http.client.HTTPException as error:
                self.failures.append(repr(error))
                return
            self.answered.append(response.status)
            self.versions.add(response.headers.get("rtdeploy-version", ""))
            if response.headers.get("connection") == "close":
                return


@contextmanager
def under_load(port: int, clients: int = 6) -> Iterator[Load]:
    """Keep a server busy."""
    load = Load(port)
    threads = [threading.Thread(target=load.client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join(PATIENCE_S)
