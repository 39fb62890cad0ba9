"""What clients speak, each in a module of its own: a body into tensors, tensors into a body, nothing else."""

from typing import Protocol

from rtdeploy.bundle.openinference import InferRequest
from rtdeploy.runtime.core import Prediction
from rtdeploy.runtime.http import RefusedError, Request, Response

__all__ = ["Dialect"]


class Dialect(Protocol):
    """A way to ask for a prediction.

    ``read`` raises :class:`~rtdeploy.bundle.openinference.BadRequestError` for a body that does not fit the model, or
    :class:`~rtdeploy.runtime.http.RefusedError` where another status than 400 says more.
    """

    def read(self, request: Request) -> InferRequest:
        """Take the body apart."""

    def write(self, prediction: Prediction, asked: InferRequest, request: Request) -> Response:
        """Put the answer together."""

    def error(self, refused: RefusedError) -> Response:
        """Say what is wrong in the shape that clients expect."""
