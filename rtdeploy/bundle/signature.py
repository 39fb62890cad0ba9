"""What goes into a model and what comes out, in Open Inference terms."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Datatype", "Signature", "Tensor"]

Array = npt.NDArray[np.generic]


class Datatype(StrEnum):
    """Tensor datatypes of the Open Inference Protocol, "Tensor Data Types" in inference_rest.md."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The numpy type; BYTES is ``object``."""
        return _DTYPES[self]

    @classmethod
    def of(cls, dtype: npt.DTypeLike) -> "Datatype":
        """Name a numpy type; strings and objects are BYTES. ``ValueError`` where there is no such tensor."""
        given = np.dtype(dtype)
        if given.kind in "OSU":
            return cls.BYTES
        for name, known in _DTYPES.items():
            if known == given:
                return name
        raise ValueError(f"no Open Inference datatype for numpy {given}")


_DTYPES: dict[Datatype, np.dtype[np.generic]] = {
    Datatype.BOOL: np.dtype(np.bool_),
    Datatype.UINT8: np.dtype(np.uint8),
    Datatype.UINT16: np.dtype(np.uint16),
    Datatype.UINT32: np.dtype(np.uint32),
    Datatype.UINT64: np.dtype(np.uint64),
    Datatype.INT8: np.dtype(np.int8),
    Datatype.INT16: np.dtype(np.int16),
    Datatype.INT32: np.dtype(np.int32),
    Datatype.INT64: np.dtype(np.int64),
    Datatype.FP16: np.dtype(np.float16),
    Datatype.FP32: np.dtype(np.float32),
    Datatype.FP64: np.dtype(np.float64),
    Datatype.BYTES: np.dtype(object),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One input or output; ``shape`` has -1 for every free dimension, the batch first where there is one."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """All inputs and outputs of a model, in order."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
