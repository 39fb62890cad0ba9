"""The ASGI application: a table of routes, a body read within bounds, one answer. No framework on the hot path."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rtdeploy.bundle.openinference import BadRequestError
from rtdeploy.runtime.core import Core, Prediction
from rtdeploy.runtime.http import RefusedError, Request, Response
from rtdeploy.runtime.protocols.openinference import error as plain_error

if TYPE_CHECKING:
    from rtdeploy.runtime.http import Receive, Scope, Send
    from rtdeploy.runtime.metrics import Metrics
    from rtdeploy.runtime.protocols import Dialect

__all__ = ["App", "Ask", "Route", "Tell"]

Tell: TypeAlias = Callable[[], Response]
_now = time.monotonic
_TIMEOUT_HEADERS = (b"x-request-timeout-ms", b"x-envoy-expected-rq-timeout-ms")
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
        recycle: Every so many responses ask for it; None: none.
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
        self._responses = 0

    def route(self, routes: Mapping[str, Route], missing: Callable[[str], str]) -> None:
        """Take a table of routes; ``missing`` words the 404 of any other path."""
        self._routes = routes
        self._missing = missing

    @property
    def ready(self) -> bool:
        """Whether a request would be answered by the model."""
        return self.core is not None and self.core.ready and not self.draining

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        self.unread -= 1
        self.busy += 1
        try:
            name, response = await self._respond(scope, receive)
            await self._send(response, send)
            self.metrics.responded(name, response.status)
        finally:
            self.busy -= 1

    async def _respond(self, scope: "Scope", receive: "Receive") -> tuple[str, Response]:
        path, method = scope["path"], scope["method"]
        route = self._routes.get(path)
        if route is None:
            return "none", plain_error(RefusedError(404, self._missing(path)))
        if method == "POST" and route.post is not None:
            return route.post.name, await self._infer(route.post.dialect, scope, receive)
        if method in {"GET", "HEAD"} and route.get is not None:
            return path, route.get()
        refused = RefusedError(405, f"{method} is not for {path}", headers=((b"allow", route.allowed),))
        return path, plain_error(refused)

    async def _infer(self, dialect: "Dialect", scope: "Scope", receive: "Receive") -> Response:
        arrived: float = scope["state"]["arrived"]
        prediction: Prediction | None = None
        try:
            request = Request(scope["headers"], await self._body(scope["headers"], receive), arrived)
            core = self._core()
            asked = dialect.read(request)
            prediction = await core.predict(
                asked.inputs, arrived, timeout_s=_patience(request, asked.parameters), unread=self.unread
            )
            response = dialect.write(prediction, asked, request)
        except BadRequestError as error:
            response = dialect.error(RefusedError(400, str(error)))
        except RefusedError as error:
            response = dialect.error(error)
        total = _now() - arrived
        self.metrics.took(total)
        return Response(
            response.status, response.body, response.content_type, (*response.headers, *_timing(prediction, total))
        )

    def _core(self) -> Core:
        if self.core is None:
            raise RefusedError(503, "the model is being loaded", headers=((b"retry-after", b"1"),))
        return self.core

    async def _body(self, headers: list[tuple[bytes, bytes]], receive: "Receive") -> bytes:
        """The whole body, if it comes in time and is not too large."""
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > self._largest_body:
                raise self._too_large()
            if name == b"content-encoding" and value.lower() != b"identity":
                raise RefusedError(415, "compressed bodies are not accepted")
        message = await receive()
        if not message.get("more_body"):
            return self._checked(message.get("body", b""))
        try:
            async with asyncio.timeout(self._body_timeout_s):
                return await self._rest(message["body"], receive)
        except TimeoutError:
            words = f"the body did not come within {self._body_timeout_s:g} s"
            raise RefusedError(408, words, headers=((b"connection", b"close"),)) from None

    async def _rest(self, first: bytes, receive: "Receive") -> bytes:
        parts, size = [first], len(first)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RefusedError(400, "the connection was closed in the middle of the body")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._largest_body:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)

    def _checked(self, body: bytes) -> bytes:
        if len(body) > self._largest_body:
            raise self._too_large()
        return body

    def _too_large(self) -> RefusedError:
        words = f"the body is larger than {self._largest_body:,} bytes"
        return RefusedError(413, words, headers=((b"connection", b"close"),))

    async def _send(self, response: Response, send: "Send") -> None:
        headers = [
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(response.body)),
            *response.headers,
            *self._version,
        ]
        self._responses += 1
        if self.draining or (self.recycle and self._responses % self.recycle == 0):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


def _patience(request: Request, parameters: Mapping[str, object]) -> float | None:
    """What the client allows, in seconds: Triton's ``timeout`` parameter (microseconds) or a header (milliseconds)."""
    timeout = parameters.get("timeout")
    if isinstance(timeout, int | float) and timeout > 0:
        return timeout / 1e6
    for name in _TIMEOUT_HEADERS:
        value = request.header(name)
        if value is not None and value.isdigit() and int(value):
            return int(value) / 1e3
    return None


def _timing(prediction: Prediction | None, total_s: float) -> tuple[tuple[bytes, bytes], ...]:
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
