"""One request to an endpoint, and whether its answer is a prediction."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtdeploy.endpoint import Auth, Endpoint, Protocol
from rtdeploy.errors import DeadlineError, InvalidRequestError, PlatformError, UnavailableError

if TYPE_CHECKING:
    import ssl

__all__ = ["Reply", "check_reply", "send"]

_BUSY = frozenset({429, 502, 503, 504})
_SENT_AS_IS = (Auth.NONE, Auth.HEADERS)
_SHOWN_BYTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: status, headers with lower-case names, body, and milliseconds from first to last byte."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    ms: float

    @property
    def ok(self) -> bool:
        """A status of 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The beginning of the body, for an error's detail."""
        return self.body[:_SHOWN_BYTES].decode(errors="replace")


def send(endpoint: Endpoint, body: bytes, *, timeout_s: float) -> Reply:
    """Post one request over a new connection.

    Raises:
        UnavailableError: nothing answers.
        DeadlineError: no complete answer within ``timeout_s``.
        InvalidRequestError: the endpoint needs a protocol or a signature that is not spoken here.

    """
    import httpx

    _refuse_what_is_not_spoken(endpoint)
    headers = {"content-type": endpoint.content_type, **endpoint.headers}
    remedy = "rtdeploy status shows whether it runs, rtdeploy logs what it says."
    start = time.perf_counter()
    try:
        with (
            httpx.Client(verify=_trust(endpoint.url), timeout=timeout_s, trust_env=False) as client,
            client.stream("POST", endpoint.url, content=body, headers=headers) as response,
        ):
            content = b"".join(_in_time(response.iter_bytes(), start + timeout_s))
    except (httpx.TimeoutException, TimeoutError) as error:
        raise DeadlineError(
            f"{endpoint.url} did not answer within {timeout_s:g} s.", remedy=remedy, detail=str(error)
        ) from error
    except httpx.InvalidURL as error:
        raise InvalidRequestError(f"{endpoint.url} is not an address.", remedy=remedy, detail=str(error)) from error
    except httpx.HTTPError as error:
        raise UnavailableError(f"{endpoint.url} does not answer.", remedy=remedy, detail=str(error)) from error
    ms = (time.perf_counter() - start) * 1e3
    return Reply(status=response.status_code, headers=dict(response.headers), body=content, ms=ms)


def _in_time(chunks: Iterator[bytes], end: float) -> Iterator[bytes]:
    """Give up on an answer that trickles: each of its pieces is in time, and all of them are not."""
    for chunk in chunks:
        if time.perf_counter() > end:
            raise TimeoutError("the answer trickles")
        yield chunk


def _trust(url: str) -> "ssl.SSLContext":
    """Trust the machine's authorities; plain HTTP does without, for loading them takes longer than the request."""
    import ssl

    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _refuse_what_is_not_spoken(endpoint: Endpoint) -> None:
    if endpoint.protocol is Protocol.GRPC:
        raise InvalidRequestError(f"{endpoint.url} speaks gRPC; here only HTTP is sent.", remedy="Use protocol: rest.")
    if endpoint.auth not in _SENT_AS_IS:
        raise InvalidRequestError(
            f"{endpoint.url} wants {endpoint.auth} credentials; here only fixed headers are sent.",
            remedy="Send the request with the platform's own client.",
        )


def check_reply(reply: Reply, *, version: str) -> None:
    """Accept only a prediction by this version's model: 2xx, Open Inference outputs, no fallback.

    Raises:
        UnavailableError: the server is busy or not there yet (429, 502, 503, 504).
        PlatformError: anything else that is not a prediction.

    """
    remedy = "The sample is what is sent; rtdeploy logs shows what the server made of it."
    if reply.status in _BUSY:
        raise UnavailableError(f"{version} answers the sample with {reply.status}.", remedy=remedy, detail=reply.text)
    reason = _objection(reply, version)
    if reason:
        raise PlatformError(f"{version} {reason}.", remedy=remedy, detail=reply.text)


def _objection(reply: Reply, version: str) -> str:
    if not reply.ok:
        return f"answers the sample with {reply.status}"
    served = reply.headers.get("rtdeploy-version", version)
    if served != version:
        return f"is reported, but {served} answers at its address"
    document = _document(reply)
    if "rtdeploy-fallback" in reply.headers or _is_fallback(document):
        return "answers the sample with its fallback: the model itself did not predict"
    if not _has_outputs(document):
        return "answers the sample with something that is no Open Inference response"
    return ""


def _document(reply: Reply) -> Mapping[str, Any]:
    import orjson

    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _is_fallback(document: Mapping[str, Any]) -> bool:
    parameters = document.get("parameters")
    return isinstance(parameters, dict) and bool(parameters.get("fallback"))


def _has_outputs(document: Mapping[str, Any]) -> bool:
    outputs = document.get("outputs")
    needed = {"name", "datatype", "shape"}
    return (
        isinstance(outputs, list) and bool(outputs) and all(isinstance(o, dict) and needed <= o.keys() for o in outputs)
    )
