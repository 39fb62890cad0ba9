"""Open Inference Protocol V2 over HTTP, JSON and binary tensors (``/v2/models/…/infer``)."""

from collections.abc import Mapping
from typing import Any

import orjson

from rtdeploy.bundle.openinference import BadRequestError, InferRequest, decode, encode
from rtdeploy.bundle.signature import Signature, Tensor
from rtdeploy.runtime.core import Prediction
from rtdeploy.runtime.http import JSON, OCTETS, RefusedError, Request, Response

__all__ = ["OpenInference", "described", "error"]

_LENGTH = b"inference-header-content-length"


class OpenInference:
    """The dialect of V2 clients; also what every other route understands."""

    def __init__(self, model: str, version: str, signature: Signature) -> None:
        self._model = model
        self._version = version
        self._signature = signature

    def read(self, request: Request) -> InferRequest:
        """JSON, or JSON with tensors behind it; a raw tensor where the length says 0."""
        length = request.header(_LENGTH)
        if length is None:
            return decode(request.body, self._signature)
        if not length.isdigit() or len(length) > 15:
            raise BadRequestError(f"Inference-Header-Content-Length is no number: {length.decode(errors='replace')!r}")
        return decode(memoryview(request.body), self._signature, json_length=int(length))

    def write(self, prediction: Prediction, asked: InferRequest, request: Request) -> Response:
        """JSON, with tensors behind it where the client wants them so."""
        del request
        body, length = encode(
            prediction.answer.outputs,
            self._signature,
            model=self._model,
            version=self._version,
            request=asked,
            parameters=_parameters(prediction),
        )
        if length is None:
            return Response(200, body, JSON)
        return Response(200, body, OCTETS, ((_LENGTH, b"%d" % length),))

    def error(self, refused: RefusedError) -> Response:
        """``{"error": …}``."""
        return error(refused)


def _parameters(prediction: Prediction) -> Mapping[str, Any] | None:
    return {"fallback": True, "reason": prediction.fallback} if prediction.fallback else None


def error(refused: RefusedError) -> Response:
    """An error as the protocol has it."""
    return Response(refused.status, orjson.dumps({"error": refused.words}), JSON, refused.headers)


def described(tensors: tuple[Tensor, ...]) -> list[dict[str, Any]]:
    """Tensors as model metadata has them."""
    return [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in tensors]
