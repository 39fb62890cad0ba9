"""A small platform inside this process: it keeps endpoints and versions, lags, refuses, and answers real HTTP.

It stands for a cloud and for its SDK: :class:`Platform` is what :mod:`rtdeploy.testing.memory` talks to, and
:class:`SdkError` is what such an SDK raises.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rtdeploy.deploy.contract import Json

__all__ = ["Behaviour", "Platform", "Record", "SdkError", "make_bundle"]

Key = tuple[str, str]


class Behaviour(StrEnum):
    """What the toy model of a bundle does."""

    ECHO = "echo"
    """Gives its inputs back as outputs."""
    NEVER_STARTS = "never-starts"
    FAILS = "fails"
    """Every request gets a 500."""
    BUSY = "busy"
    """Every request gets a 503."""
    NONSENSE = "nonsense"
    FALLBACK = "fallback"
    """Answers, and says that it was not the model."""
    CRASHES = "crashes"
    """Is dead after its first answer."""


class SdkError(Exception):
    """What the platform's SDK raises; ``code`` is one of the words below."""

    CODES = ("Conflict", "Denied", "Invalid", "NotFound", "Quota", "Throttled", "Unavailable")

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One version as the platform keeps it; ``looks`` counts down to readiness, None means never."""

    name: str
    digest: str
    behaviour: Behaviour | None
    settings: Mapping[str, Json]
    serve: Mapping[str, Json]
    tags: Mapping[str, str]
    looks: int | None
    weight: int = 0
    crashed: bool = False

    @property
    def status(self) -> str:
        """The platform's own word for how it is doing."""
        if self.behaviour is None:
            return "Failed"
        if self.crashed:
            return "Crashed"
        return "Running" if self.looks == 0 else "Starting"


@dataclass(slots=True, kw_only=True)
class _Endpoint:
    records: dict[str, Record] = field(default_factory=dict)
    revision: int = 0
    made_at: datetime
    log: list[tuple[str, str]] = field(default_factory=list)
    served: int = 0


class Platform:
    """Endpoints by project and target, behind one loopback server; close it when done.

    Args:
        starts_after: How many looks a version needs until it runs.
        most_replicas: Quota.
        now: The platform's clock.

    """

    def __init__(
        self, *, starts_after: int = 2, most_replicas: int = 100, now: Callable[[], datetime] | None = None
    ) -> None:
        self.starts_after = starts_after
        self.most_replicas = most_replicas
        self.calls = 0
        self._now = now or (lambda: datetime.now(UTC))
        self._endpoints: dict[Key, _Endpoint] = {}
        self._revisions = 0
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def describe(self, key: Key) -> tuple[int, datetime, tuple[Record, ...]] | None:
        """Give revision, birth and versions; a look is what lets time pass here."""
        with self._call():
            found = self._endpoints.get(key)
            if found is None:
                return None
            for name, record in found.records.items():
                if record.looks:
                    self._age(found, name, record)
            return found.revision, found.made_at, tuple(found.records.values())

    def _age(self, found: _Endpoint, name: str, record: Record) -> None:
        looks = (record.looks or 0) - 1
        found.records[name] = replace(record, looks=looks)
        if looks == 0:
            found.log.append((name, "model loaded"))

    def put_endpoint(self, key: Key) -> None:
        """Make an empty endpoint; one that exists stays as it is."""
        with self._call():
            self._endpoints.setdefault(key, _Endpoint(made_at=self._now(), revision=self._next()))

    def put_version(
        self,
        key: Key,
        *,
        name: str,
        bundle: Path,
        digest: str,
        settings: Mapping[str, Json],
        serve: Mapping[str, Json],
        tags: Mapping[str, str],
    ) -> None:
        """Add a version to an endpoint; the first one takes all traffic."""
        with self._call():
            found = self._find(key)
            if name in found.records:
                raise SdkError("Conflict", f"{name} exists")
            self._check_quota(settings)
            behaviour = _behaviour_of(bundle, digest)
            never = behaviour is Behaviour.NEVER_STARTS
            found.records[name] = Record(
                name=name,
                digest=digest,
                behaviour=behaviour,
                settings=dict(settings),
                serve=dict(serve),
                tags=dict(tags),
                looks=None if never else self.starts_after,
                weight=0 if found.records else 100,
            )
            found.log.append((name, "starting" if behaviour else "cannot load the model: not a bundle"))
            found.revision = self._next()

    def patch_version(self, key: Key, name: str, settings: Mapping[str, Json]) -> None:
        """Change the settings of a version that runs."""
        with self._call():
            found = self._find(key)
            record = self._record(found, name)
            self._check_quota(settings)
            found.records[name] = replace(record, settings=dict(settings))
            found.revision = self._next()

    def put_weights(self, key: Key, weights: Mapping[str, int]) -> None:
        """Split the traffic."""
        with self._call():
            found = self._find(key)
            for name in weights:
                self._record(found, name)
            if sum(weights.values()) != 100 or min(weights.values()) < 0:
                raise SdkError("Invalid", f"weights {dict(weights)} do not sum to 100")
            for name, record in found.records.items():
                found.records[name] = replace(record, weight=weights.get(name, 0))
            found.revision = self._next()

    def drop_version(self, key: Key, name: str) -> None:
        """Remove a version."""
        with self._call():
            found = self._find(key)
            self._record(found, name)
            del found.records[name]
            found.revision = self._next()

    def drop_endpoint(self, key: Key) -> None:
        """Remove an endpoint and all that belongs to it."""
        with self._call():
            self._find(key)
            del self._endpoints[key]
            self._next()

    def log(self, key: Key) -> list[tuple[str, str]]:
        """Give all log lines, each with its version."""
        with self._call():
            return list(self._find(key).log)

    def crash(self, key: Key, name: str) -> None:
        """Let a version die, as versions do."""
        with self._lock:
            found = self._find(key)
            found.records[name] = replace(found.records[name], crashed=True)
            found.log.append((name, "killed by signal 9"))

    def answer(self, path: str, body: bytes) -> tuple[int, str, Mapping[str, Json]]:
        """Serve one request: status, version, document."""
        parts = path.strip("/").split("/")
        pinned = parts[3] if parts[2:3] == ["versions"] else None
        with self._lock:
            found = self._endpoints.get((parts[0], parts[1])) if len(parts) > 2 else None
            record = self._choose(found, pinned) if found else None
            if found is None or record is None:
                return 404, "", {"error": "no such endpoint"}
            found.served += 1
        if record.status != "Running":
            return 503, record.name, {"error": f"{record.name} does not run"}
        if record.behaviour is Behaviour.CRASHES:
            self.crash((parts[0], parts[1]), record.name)
        status, document = _predict(record.behaviour, body)
        return status, record.name, document

    def _choose(self, found: _Endpoint, pinned: str | None) -> Record | None:
        """Pick a version: over 100 requests in a row each gets exactly its weight."""
        if pinned is not None:
            return found.records.get(pinned)
        ticket = found.served * 37 % 100
        for record in found.records.values():
            if ticket < record.weight:
                return record
            ticket -= record.weight
        return None

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._lock:
            self.calls += 1
            yield

    def _next(self) -> int:
        self._revisions += 1
        return self._revisions

    def _find(self, key: Key) -> _Endpoint:
        if key not in self._endpoints:
            raise SdkError("NotFound", f"no endpoint {key[1]}")
        return self._endpoints[key]

    def _record(self, found: _Endpoint, name: str) -> Record:
        if name not in found.records:
            raise SdkError("NotFound", f"no version {name}")
        return found.records[name]

    def _check_quota(self, settings: Mapping[str, Json]) -> None:
        wanted = settings.get("replicas", 1)
        if isinstance(wanted, int) and wanted > self.most_replicas:
            raise SdkError("Quota", f"{wanted} replicas asked for, {self.most_replicas} allowed")


def make_bundle(directory: Path, number: int, behaviour: Behaviour | None = Behaviour.ECHO) -> tuple[Path, str]:
    """Write a bundle that only this platform understands; None makes one that cannot be loaded.

    Returns:
        Its directory and its digest.

    """
    text = json.dumps({"number": number, "behaviour": behaviour}) if behaviour else f"not a bundle {number}"
    digest = "sha256:" + sha256(text.encode()).hexdigest()
    place = directory / f"toy-{digest[7:19]}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "toy.json").write_text(text)
    return place, digest


def _behaviour_of(bundle: Path, digest: str) -> Behaviour | None:
    """Read what to do with a bundle; one that rtdeploy itself has packaged echoes."""
    toy, manifest = bundle / "toy.json", bundle / "rtdeploy.json"
    if manifest.is_file() and json.loads(manifest.read_text())["digest"] == digest:
        return Behaviour.ECHO
    if not toy.is_file():
        raise SdkError("Invalid", f"no bundle at {bundle}")
    text = toy.read_text()
    if "sha256:" + sha256(text.encode()).hexdigest() != digest:
        raise SdkError("Invalid", "the bundle has another digest")
    try:
        return Behaviour(json.loads(text)["behaviour"])
    except json.JSONDecodeError:
        return None


def _predict(behaviour: Behaviour | None, body: bytes) -> tuple[int, Mapping[str, Json]]:
    if behaviour is Behaviour.FAILS:
        return 500, {"error": "the model raised"}
    if behaviour is Behaviour.BUSY:
        return 503, {"error": "queue full"}
    if behaviour is Behaviour.NONSENSE:
        return 200, {"hello": "world"}
    try:
        document = {"outputs": json.loads(body)["inputs"]}
    except (ValueError, KeyError, TypeError):
        return 400, {"error": "no Open Inference request"}
    if behaviour is Behaviour.FALLBACK:
        return 200, {**document, "parameters": {"fallback": True}}
    return 200, document


def _handler_of(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, version, document = platform.answer(self.path, body)
            payload = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.send_header("rtdeploy-version", version)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args: object) -> None:
            """Keep the output of tests clean."""

    return Handler
