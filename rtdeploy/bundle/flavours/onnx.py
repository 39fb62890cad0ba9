"""ONNX, run by ONNX Runtime: no code in the file, nothing but numpy around it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtdeploy.bundle.fitting import conform, made
from rtdeploy.bundle.flavours.interface import Draft, Examined, Form, Served
from rtdeploy.bundle.libraries import need
from rtdeploy.bundle.manifest import Json
from rtdeploy.bundle.model import as_text
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["PACKAGES", "examine", "open_model", "served"]

PACKAGES = ("numpy", "onnxruntime")

_TYPES = {
    "bool": Datatype.BOOL, "double": Datatype.FP64, "float": Datatype.FP32, "float16": Datatype.FP16,
    "int16": Datatype.INT16, "int32": Datatype.INT32, "int64": Datatype.INT64, "int8": Datatype.INT8,
    "string": Datatype.BYTES, "uint16": Datatype.UINT16, "uint32": Datatype.UINT32, "uint64": Datatype.UINT64,
    "uint8": Datatype.UINT8,
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Session:
    """An inference session behind the interface of a model."""

    signature: Signature
    session: Any
    texts: tuple[str, ...]
    names: list[str]
    stream: None = None

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        feed = dict(inputs)
        for name in self.texts:
            feed[name] = as_text(feed[name])
        return dict(zip(self.names, self.session.run(self.names, feed), strict=True))

    def close(self) -> None:
        self.session = None


def examine(draft: Draft) -> Examined:
    """Read inputs and outputs from the graph."""
    session = _session(draft.directory / str(draft.recipe["file"]), threads=1)
    signature = Signature(
        inputs=tuple(_tensor(node, "input") for node in session.get_inputs()),
        outputs=tuple(_tensor(node, "output") for node in session.get_outputs()),
    )
    given = draft.given
    return Examined(
        model=_model(session, signature),
        recipe=draft.recipe,
        inputs=signature.inputs,
        outputs=signature.outputs,
        sample=made(signature.inputs) if given is None else conform(given, signature.inputs),
        form=Form.TENSORS,
        packages=PACKAGES,
    )


def open_model(directory: Path, recipe: Mapping[str, Json], signature: Signature, *, threads: int) -> _Session:
    """Open the graph with ``threads`` threads for one prediction."""
    return _model(_session(directory / str(recipe["file"]), threads=threads), signature)


def _model(session: Any, signature: Signature) -> _Session:
    texts = tuple(tensor.name for tensor in signature.inputs if tensor.datatype is Datatype.BYTES)
    return _Session(
        signature=signature, session=session, texts=texts, names=[node.name for node in session.get_outputs()]
    )


def _session(path: Path, *, threads: int) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    runtime = need("onnxruntime", what="An ONNX model", install="'rtdeploy[serve]'")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin between requests take the CPU from the server around the model.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    available = runtime.get_available_providers()
    wanted = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    try:
        return runtime.InferenceSession(str(path), options, providers=wanted)
    except _refusals(runtime) as error:
        raise BundleError(
            f"ONNX Runtime {runtime.__version__} cannot open {path.name}.",
            remedy="Export the model again, with an opset that this ONNX Runtime knows, or upgrade ONNX Runtime.",
            detail=str(error),
        ) from error


def _refusals(runtime: Any) -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions have no base of their own."""
    state = runtime.capi.onnxruntime_pybind11_state
    names = (
        "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NoSuchFile", "NotImplemented",
        "RuntimeException",
    )  # fmt: skip
    return tuple(getattr(state, name) for name in names)


def _tensor(node: Any, side: str) -> Tensor:
    kind = node.type.removeprefix("tensor(").removesuffix(")")
    if not node.type.startswith("tensor("):
        remedy = (
            "Export again without ZipMap: skl2onnx.to_onnx(model, options={'zipmap': False})."
            if "map" in node.type
            else f"Export again with tensors as {side}s."
        )
        raise BundleError(f"The {side} {node.name!r} of the graph is {node.type}, not a tensor.", remedy=remedy)
    if kind not in _TYPES:
        raise BundleError(
            f"The {side} {node.name!r} of the graph holds {kind}, which no request can carry.",
            remedy=f"Add a Cast to one of {', '.join(sorted(_TYPES))} and export again.",
        )
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in node.shape or ())
    return Tensor(name=node.name, datatype=_TYPES[kind], shape=shape)


def served(recipe: Mapping[str, Json], versions: Mapping[str, str]) -> Served:
    """MLflow has a loader of its own."""
    runtime = next((version for name, version in versions.items() if name.startswith("onnxruntime")), None)
    data = recipe["file"]
    flavour: dict[str, Json] = {
        "data": data,
        "onnx_version": None,
        "onnxruntime_version": runtime,
        "providers": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    }
    return Served(
        flavours={"onnx": flavour, "python_function": {"loader_module": "mlflow.onnx", "data": data}}, code={}
    )
