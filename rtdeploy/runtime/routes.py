"""Which path answers what: every platform's container contract, side by side.

Sources: Open Inference Protocol (inference_rest.md), KServe V1, SageMaker "Use your own inference code", MLflow
scoring protocol, Azure ML custom containers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from rtdeploy import __version__
from rtdeploy.bundle.manifest import Bundle
from rtdeploy.runtime.app import App, Ask, Route, Tell
from rtdeploy.runtime.http import JSON, TEXT, Response
from rtdeploy.runtime.metrics import State
from rtdeploy.runtime.protocols.openinference import OpenInference, described
from rtdeploy.runtime.protocols.rows import Rows

__all__ = ["install"]

_EXTENSIONS = ["binary_tensor_data"]
_METRICS = b"text/plain; version=0.0.4; charset=utf-8"
_MODEL_VERSION = "1"


def install(app: App, bundle: Bundle) -> None:
    """Give the application its routes; they answer before the model is loaded, and say so."""
    tensors = OpenInference(bundle.name, _MODEL_VERSION, bundle.signature)
    rows, bare = Rows(bundle, tensors), Rows(bundle, tensors, bare=True)
    model = f"/v2/models/{bundle.name}"
    about, is_ready = _constant(_model(bundle)), _flag(lambda: app.ready, {"name": bundle.name}, "ready")
    routes: dict[str, Route] = {
        "/v2": Route(get=_constant({"name": "rtdeploy", "version": __version__, "extensions": _EXTENSIONS})),
        "/v2/health/live": Route(get=_flag(lambda: True, {}, "live")),
        "/v2/health/ready": Route(get=_flag(lambda: app.ready, {}, "ready")),
        f"/v1/models/{bundle.name}": Route(get=_flag(lambda: app.ready, {"name": bundle.name}, "ready")),
        f"/v1/models/{bundle.name}:predict": Route(post=Ask("kserve_v1", rows)),
        "/ping": Route(get=_empty(app, b"")),
        "/invocations": Route(post=Ask("invocations", rows)),
        "/health": Route(get=_empty(app, b"\n")),
        "/version": Route(get=lambda: Response(200, __version__.encode(), TEXT)),
        "/score": Route(post=Ask("score", bare)),
        "/": Route(get=_empty(app, b"Healthy")),
        "/metrics": Route(get=lambda: Response(200, _metrics(app), _METRICS)),
    }
    routes["/v2/"] = routes["/v2"]
    for base in (model, f"{model}/versions/{_MODEL_VERSION}"):
        routes[base] = Route(get=about)
        routes[f"{base}/ready"] = Route(get=is_ready)
        routes[f"{base}/infer"] = Route(post=Ask("infer", tensors))
    app.route(routes, lambda path: _missing(path, bundle.name))


def _missing(path: str, model: str) -> str:
    parts = path.split("/")
    if path.startswith(("/v1/models/", "/v2/models/")) and parts[3].partition(":")[0] != model:
        return f"there is no model {parts[3].partition(':')[0]!r}; this server has {model!r}"
    if path.startswith(f"/v2/models/{model}/versions/") and len(parts) > 5 and parts[5] != _MODEL_VERSION:
        return f"model {model!r} has no version {parts[5]!r}; it has {_MODEL_VERSION!r}"
    return f"there is no {path}"


def _model(bundle: Bundle) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "versions": [_MODEL_VERSION],
        "platform": f"rtdeploy_{bundle.flavour}",
        "inputs": described(bundle.signature.inputs),
        "outputs": described(bundle.signature.outputs),
    }


def _constant(document: Mapping[str, Any]) -> Tell:
    response = Response(200, orjson.dumps(document), JSON)
    return lambda: response


def _flag(look: Callable[[], bool], document: Mapping[str, Any], name: str) -> Tell:
    """200 or 503, and the same in words."""

    def tell() -> Response:
        found = look()
        return Response(200 if found else 503, orjson.dumps({**document, name: found}), JSON)

    return tell


def _empty(app: App, body: bytes) -> Tell:
    return lambda: Response(200, body, TEXT) if app.ready else Response(503, b"", TEXT)


def _metrics(app: App) -> bytes:
    if app.core is None:
        return app.metrics.text(State())
    lane = app.core.lane
    return app.metrics.text(State(ready=app.ready, waiting=lane.waiting, computing=lane.computing))
