"""A class of the user's: ``load(directory)``, ``predict(inputs)`` and, where it has them, ``stream`` and ``close``.

``directory`` is where its module lies, so that files beside it are found before and after packaging alike. ``inputs``
and what ``predict`` returns are dictionaries of arrays by name; texts arrive as ``object`` arrays of ``bytes``.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rtdeploy.bundle.fitting import matrix, named
from rtdeploy.bundle.flavours.interface import Draft, Examined, Form, Served, sample_needed
from rtdeploy.bundle.manifest import Json
from rtdeploy.bundle.model import Stream, as_objects
from rtdeploy.bundle.signature import Array, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["CODE", "examine", "open_model", "served"]

CODE = "code"


@dataclass(slots=True, kw_only=True)
class _Instance:
    """The user's object behind the interface of a model."""

    signature: Signature
    instance: Any
    code: Path

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return _checked(self.instance.predict(dict(inputs)))

    @property
    def stream(self) -> Stream | None:
        """Each part that the user's ``stream`` yields, checked as an answer of ``predict`` is."""
        found: Callable[[dict[str, Array]], Iterator[Any]] | None = getattr(self.instance, "stream", None)
        return None if found is None else lambda inputs: (_checked(part) for part in found(dict(inputs)))

    def close(self) -> None:
        close = getattr(self.instance, "close", None)
        if close is not None:
            close()
        if str(self.code) in sys.path:
            sys.path.remove(str(self.code))


def _checked(outputs: Any) -> dict[str, Array]:
    if not isinstance(outputs, dict) or not outputs:
        raise _wrong_answer(f"{type(outputs).__name__} where a dictionary of arrays should be")
    for name, array in outputs.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray):
            raise _wrong_answer(f"{type(array).__name__} for {name!r} where a numpy array should be")
    return {name: as_objects(array) for name, array in outputs.items()}


def _wrong_answer(found: str) -> BundleError:
    return BundleError(f"predict returned {found}.", remedy="Return a dictionary: {'score': np.asarray(scores)}.")


def examine(draft: Draft) -> Examined:
    """Take inputs from the sample: one tensor for each column that has a name, else one for the table."""
    given, recipe = draft.given, draft.recipe
    if given is None:
        raise sample_needed("A Python class")
    tensors = named(given) or matrix(given)
    inputs = tuple(
        Tensor(name=name, datatype=datatype, shape=(-1, *array.shape[1:]) if array.ndim else ())
        for name, (datatype, array) in tensors.items()
    )
    return Examined(
        model=open_model(draft.directory, recipe, Signature(inputs=inputs, outputs=()), threads=1),
        recipe=recipe,
        inputs=inputs,
        sample={name: array for name, (_, array) in tensors.items()},
        form=Form.TENSORS,
        packages=("numpy", *_texts(recipe["packages"])),
    )


def _texts(listed: Json) -> tuple[str, ...]:
    return tuple(str(one) for one in listed) if isinstance(listed, list) else ()


def open_model(directory: Path, recipe: Mapping[str, Json], signature: Signature, *, threads: int) -> _Instance:
    """Make the object and let it load; threads are its own business, so the libraries' usual variables tell it."""
    del threads
    code = (directory / CODE).resolve()
    module = _imported(code, str(recipe["module"]))
    wanted = getattr(module, str(recipe["class"]), None)
    if not isinstance(wanted, type) or not hasattr(wanted, "predict"):
        raise BundleError(
            f"{recipe['module']} has no class {recipe['class']} with a method predict.",
            remedy="Correct model: {python: 'module:Class'}, or write the class.",
        )
    instance = wanted()
    if hasattr(instance, "load"):
        instance.load(Path(str(module.__file__)).parent)
    return _Instance(signature=signature, instance=instance, code=code)


def _imported(code: Path, name: str) -> ModuleType:
    """Import from this bundle, whatever another bundle in this process has imported under the same name."""
    roots = {path.stem for path in code.iterdir()}
    for other in [known for known in sys.modules if known.split(".", maxsplit=1)[0] in roots]:
        if not str(getattr(sys.modules[other], "__file__", "") or "").startswith(f"{code}/"):
            del sys.modules[other]
    if str(code) not in sys.path:
        sys.path.insert(0, str(code))
    importlib.invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a bundle stays as it is
    try:
        return importlib.import_module(name)
    finally:
        sys.dont_write_bytecode = before


def served(recipe: Mapping[str, Json], versions: Mapping[str, str]) -> Served:
    """Ship a loader beside the user's code."""
    del recipe, versions
    shipped = Path(__file__).parents[1] / "shipped" / "rtdeploy_python.py"
    return Served(
        flavours={"python_function": {"loader_module": "rtdeploy_python"}}, code={"rtdeploy_python.py": shipped}
    )
