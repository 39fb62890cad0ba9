"""The ASGI application: a table of routes, a body read within bounds, one answer. No framework on the hot path."""

import asyncio
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rtdeploy.bundle.openinference import AnswerError, BadRequestError
from rtdeploy.runtime.core import Core, Prediction
from rtdeploy.runtime.http import Headers, RefusedError, Request, Response
from rtdeploy.runtime.protocols.openinference import error as plain_error

if TYPE_CHECKING:
    from rtdeploy.runtime.connection import Connection
    from rtdeploy.runtime.http import Receive, Scope, Send
    from rtdeploy.runtime.metrics import Metrics
    from rtdeploy.runtime.protocols import Dialect

__all__ = ["App", "Ask", "Route", "Tell"]

Tell: TypeAlias = Callable[[], Response]
_now = time.monotonic
_LAST = frozenset({408, 413})
"""After these the rest of a body may be on its way, and nothing can follow."""
_TIMEOUT_HEADERS = frozenset({b"x-request-timeout-ms", b"x-envoy-expected-rq-timeout-ms"})
"""What a client or a proxy says about its patience, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A route that predicts."""

    name: str
    dialect: "Dialect"


@dataclass(frozen=True, slots=True)
class Route:
    """What a path answers to each method."""

    get: Tell | None = None
    post: Ask | None = None

    @property
    def allowed(self) -> bytes:
        """For the Allow header."""
        return b", ".join(name for name, there in ((b"GET, HEAD", self.get), (b"POST", self.post)) if there)


class App:
    """All routes of one server.

    Attributes:
        core: The loaded model; None until it is there.
        unread: Requests that were read off the wire and have not begun here.
        draining: Every response asks the client to open another connection, elsewhere.
        recycle: Every so many responses of a connection ask for it; None: none.
        busy: Requests under way.

    """

    def __init__(self, *, largest_body: int, body_timeout_s: float, version: str, metrics: "Metrics") -> None:
        self.core: Core | None = None
        self.unread = 0
        self.busy = 0
        self.draining = False
        self.recycle: int | None = None
        self.metrics = metrics
        self._routes: Mapping[str, Route] = {}
        self._missing: Callable[[str], str] = lambda path: f"there is no {path}"
        self._largest_body = largest_body
        self._body_timeout_s = body_timeout_s
        self._version = ((b"rtdeploy-version", version.encode()),) if version else ()

    def route(self, routes: Mapping[str, Route], missing: Callable[[str], str]) -> None:
        """Take a table of routes; ``missing`` words the 404 of any other path."""
        self._routes = routes
        self._missing = missing

    @property
    def ready(self) -> bool:
        """Whether a request would be answered by the model."""
        return self.core is not None and self.core.ready and not self.draining

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request; one whose client has left is cancelled, and that is all."""
        connection: Connection = scope["state"]["connection"]
        connection.task = asyncio.current_task()
        self.unread -= 1
        self.busy += 1
        try:
            name, response, timing = await self._guarded(scope, receive)
            await self._send(response, timing, scope, receive, send)
            self.metrics.responded(name, response.status)
        except asyncio.CancelledError:
            self.metrics.left()
        finally:
            self.busy -= 1
            connection.task = None

    async def _guarded(self, scope: "Scope", receive: "Receive") -> tuple[str, Response, Headers]:
        try:
            return await self._respond(scope, receive)
        except Exception as error:  # noqa: BLE001 - the edge: a bug costs its own request, and leaves its trace
            _report(error)
            return "none", plain_error(RefusedError(500, "a defect of the server; its log says where")), ()

    async def _respond(self, scope: "Scope", receive: "Receive") -> tuple[str, Response, Headers]:
        """The name of the route, the response, and headers that say how long it took."""
        path, method = scope["path"], scope["method"]
        route = self._routes.get(path)
        if route is None:
            return "none", plain_error(RefusedError(404, self._missing(path))), ()
        if method == "POST" and route.post is not None:
            return route.post.name, *(await self._infer(route.post.dialect, scope, receive))
        if method in {"GET", "HEAD"} and route.get is not None:
            return path, route.get(), ()
        refused = RefusedError(405, f"{method} is not for {path}", headers=((b"allow", route.allowed),))
        return path, plain_error(refused), ()

    async def _infer(self, dialect: "Dialect", scope: "Scope", receive: "Receive") -> tuple[Response, Headers]:
        arrived: float = scope["state"]["arrived"]
        prediction: Prediction | None = None
        try:
            request = Request(scope["headers"], await self._body(scope, receive), arrived)
            core = self._core()
            asked = dialect.read(request)
            prediction = await core.predict(
                asked.inputs, arrived, timeout_s=_patience(request, asked.parameters), unread=self.unread
            )
            response = dialect.write(prediction, asked, request)
        except BadRequestError as error:
            response = dialect.error(RefusedError(400, str(error)))
        except AnswerError as error:
            response = dialect.error(RefusedError(500, str(error)))
        except RefusedError as error:
            response = dialect.error(error)
        total = _now() - arrived
        self.metrics.took(total)
        return response, _timing(prediction, total)

    def _core(self) -> Core:
        if self.core is None:
            raise RefusedError(503, "the model is being loaded", headers=((b"retry-after", b"1"),))
        return self.core

    async def _body(self, scope: "Scope", receive: "Receive") -> bytes:
        """The whole body, if it comes in time and is not too large."""
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > self._largest_body:
                raise self._too_large()
            if name == b"content-encoding" and value.lower() != b"identity":
                raise RefusedError(415, "compressed bodies are not accepted")
        if "whole" in scope["state"]:
            body: bytes = (await receive()).get("body", b"")
            if len(body) > self._largest_body:
                raise self._too_large()
            return body
        try:
            async with asyncio.timeout(self._body_timeout_s):
                return await self._parts(receive)
        except TimeoutError:
            words = f"the body did not come within {self._body_timeout_s:g} s"
            raise RefusedError(408, words) from None

    async def _parts(self, receive: "Receive") -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._largest_body:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_large(self) -> RefusedError:
        return RefusedError(413, f"the body is larger than {self._largest_body:,} bytes")

    async def _send(
        self, response: Response, timing: Headers, scope: "Scope", receive: "Receive", send: "Send"
    ) -> None:
        connection: Connection = scope["state"]["connection"]
        cycle = send.__self__  # type: ignore[attr-defined]
        connection.responses += 1
        if (
            response.status in _LAST
            or (self.draining and not connection.pipelined)
            or (self.recycle and connection.responses % self.recycle == 0)
        ):
            cycle.keep_alive = False
        headers = (
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(response.body)),
            *response.headers,
            *timing,
            *self._version,
        )
        await connection.reply(cycle, response.status, headers, response.body)
        if response.status == 413 and "whole" not in scope["state"]:
            await self._swallow(scope, receive)
        connection.finish(cycle)

    async def _swallow(self, scope: "Scope", receive: "Receive") -> None:
        """Let a client that is still sending finish: closing on unread bytes is a reset, which eats the answer."""
        if any(name == b"expect" for name, _ in scope["headers"]):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._body_timeout_s):
                while (await receive()).get("more_body"):
                    pass


def _patience(request: Request, parameters: Mapping[str, object]) -> float | None:
    """What the client allows, in seconds: Triton's ``timeout`` parameter (microseconds) or a header (milliseconds)."""
    timeout = parameters.get("timeout")
    if type(timeout) in {int, float} and timeout > 0:  # type: ignore[operator]
        return timeout / 1e6  # type: ignore[operator]
    for name, value in request.headers:
        if name in _TIMEOUT_HEADERS and value.isdigit() and len(value) < 16 and int(value):
            return int(value) / 1e3
    return None


def _report(error: Exception) -> None:
    """Say where, but not with what: the message of an exception may quote the request."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    print(f"{trace}{type(error).__name__}", file=sys.stderr, flush=True)  # noqa: T201


def _timing(prediction: Prediction | None, total_s: float) -> Headers:
    """``Server-Timing`` (W3C), in milliseconds."""
    total = f"total;dur={total_s * 1e3:.3f}"
    if prediction is None:
        return ((b"server-timing", total.encode()),)
    answer = prediction.answer
    parts = (
        f"queue;dur={answer.queue_s * 1e3:.3f}, batch;dur={answer.batch_s * 1e3:.3f}, "
        f"predict;dur={answer.predict_s * 1e3:.3f}, {total}"
    )
    timing = (b"server-timing", parts.encode())
    return (timing, (b"rtdeploy-fallback", prediction.fallback.encode())) if prediction.fallback else (timing,)
