"""The files by which stock MLflow knows a bundle, written without MLflow: importing it takes a second.

Nothing in them depends on time or place: no time stamp, an identifier made from the content, keys in order.
"""

import json
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml

from rtdeploy.bundle.flavours.interface import Form, Served
from rtdeploy.bundle.flavours.python import CODE
from rtdeploy.bundle.manifest import Json
from rtdeploy.bundle.openinference import decode
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor

__all__ = ["files"]

_COLUMN_TYPES = {
    Datatype.BOOL: "boolean", Datatype.BYTES: "string", Datatype.FP32: "float", Datatype.FP64: "double",
    Datatype.INT32: "integer", Datatype.INT64: "long",
}  # fmt: skip
_MLFLOW = "mlflow>=2.14,<4"


def files(
    *,
    served: Served,
    signature: Signature,
    columns: tuple[str, ...],
    form: Form,
    body: bytes,
    requirements: tuple[str, ...],
    identity: str,
) -> dict[str, bytes]:
    """Write every file of an MLflow model but the model itself.

    Args:
        served: How MLflow opens it.
        signature: Inputs and outputs.
        columns: Names of the columns of the only input.
        form: How a client hands the input over.
        body: The sample as an Open Inference request.
        requirements: Pinned packages.
        identity: Hexadecimal digest of the model's content.

    """
    sample = {name: _plain(array) for name, array in decode(body, signature).inputs.items()}
    lines = (
        *requirements,
        *(() if any(line.startswith("pandas==") for line in requirements) else ("pandas",)),
        _MLFLOW,
    )
    python = platform.python_version()
    return {
        "MLmodel": _yaml(_mlmodel(served, signature, columns, form, identity)),
        "conda.yaml": _yaml(_conda(python, lines)),
        "python_env.yaml": _yaml(_python_env(python)),
        "requirements.txt": ("\n".join(lines) + "\n").encode(),
        **_example(form, columns or tuple(sample), sample),
    }


def _yaml(document: Mapping[str, Any]) -> bytes:
    text: str = yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=120)
    return text.encode()


def _conda(python: str, lines: tuple[str, ...]) -> dict[str, Any]:
    dependencies: list[Any] = [f"python={python}", "pip", {"pip": list(lines)}]
    return {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": dependencies}


def _python_env(python: str) -> dict[str, Any]:
    return {
        "python": python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }


def _mlmodel(
    served: Served, signature: Signature, columns: tuple[str, ...], form: Form, identity: str
) -> dict[str, Any]:
    flavours = {name: dict(flavour) for name, flavour in served.flavours.items()}
    flavours["python_function"] |= {
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "python_version": platform.python_version(),
        **({"code": CODE} if served.code else {}),
    }
    document: dict[str, Any] = {
        "flavors": flavours,
        "model_uuid": identity[:32],
        "signature": {
            "inputs": json.dumps(_inputs(signature.inputs, columns, form)),
            "outputs": json.dumps(_outputs(signature.outputs, form)),
            "params": None,
        },
    }
    if form is not Form.TEXT:
        document["saved_input_example_info"] = _example_info(form)
    return document


def _inputs(inputs: tuple[Tensor, ...], columns: tuple[str, ...], form: Form) -> list[Json]:
    match form:
        case Form.TENSORS:
            return [_tensor(tensor, named=True) for tensor in inputs]
        case Form.TENSOR:
            return [_tensor(inputs[0], named=False)]
        case Form.TEXT:
            return [{"type": "string", "required": True}]
        case Form.COLUMNS:
            kinds = [inputs[0].datatype] * len(columns) if columns else [tensor.datatype for tensor in inputs]
            names = columns or tuple(tensor.name for tensor in inputs)
            return [
                {"type": _COLUMN_TYPES.get(kind, "double"), "name": name, "required": True}
                for name, kind in zip(names, kinds, strict=True)
            ]


def _outputs(outputs: tuple[Tensor, ...], form: Form) -> list[Json]:
    """What MLflow's ``predict`` returns: everything by name, or the first output alone."""
    if form is Form.TENSORS:
        return [_tensor(tensor, named=True) for tensor in outputs]
    return [_tensor(outputs[0], named=False)]


def _tensor(tensor: Tensor, *, named: bool) -> Json:
    dtype = "str" if tensor.datatype is Datatype.BYTES else tensor.datatype.dtype.name
    described: dict[str, Json] = {
        "type": "tensor",
        "tensor-spec": {"dtype": dtype, "shape": list[Json](tensor.shape)},
    }
    return {"name": tensor.name, **described} if named else described


def _example_info(form: Form) -> dict[str, Any]:
    kinds = {Form.TENSORS: "ndarray", Form.TENSOR: "ndarray", Form.COLUMNS: "dataframe"}
    info = {
        "artifact_path": "input_example.json",
        "serving_input_path": "serving_input_example.json",
        "type": kinds[form],
    }
    return info | ({"pandas_orient": "split"} if form is Form.COLUMNS else {})


def _example(form: Form, columns: tuple[str, ...], sample: Mapping[str, Any]) -> dict[str, bytes]:
    if form is Form.TEXT:
        return {}
    only = next(iter(sample.values()))
    if form is Form.COLUMNS:
        rows = (
            only
            if len(sample) == 1 and only and isinstance(only[0], list)
            else [list(r) for r in zip(*sample.values(), strict=True)]
        )
        split = {"columns": list(columns), "data": rows}
        return _pair(split, {"dataframe_split": split})
    return _pair(only, {"inputs": only}) if form is Form.TENSOR else _pair(sample, {"inputs": sample})


def _pair(example: Any, serving: Any) -> dict[str, bytes]:
    return {
        "input_example.json": json.dumps(example, ensure_ascii=False).encode(),
        "serving_input_example.json": json.dumps(serving, ensure_ascii=False).encode(),
    }


def _plain(array: Array) -> Any:
    """Nested lists of plain values; texts as texts."""
    if array.dtype == object:
        texts = [item.decode() if isinstance(item, bytes) else item for item in array.ravel().tolist()]
        return np.array(texts, dtype=object).reshape(array.shape).tolist()
    return array.tolist()
