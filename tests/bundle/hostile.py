"""Pickles that would run something, each in its own way; all write the file that they are told when they succeed."""

import builtins
import code
import collections
import functools
import importlib
import io
import operator
import os
import pickle
import runpy
import shutil
import subprocess
import sys
import timeit
import types
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

__all__ = ["HOSTILE", "write"]


@dataclass
class Call:
    """Pickles as a call of ``function`` with ``arguments``."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


def opcodes(module: str, name: str, argument: str) -> bytes:
    """A call written by hand, for names that ``pickle`` would not write."""
    return (
        b"\x80\x04"
        + pickle.SHORT_BINUNICODE + bytes([len(module)]) + module.encode()
        + pickle.SHORT_BINUNICODE + bytes([len(name)]) + name.encode()
        + pickle.STACK_GLOBAL
        + pickle.BINUNICODE + len(argument.encode()).to_bytes(4, "little") + argument.encode()
        + pickle.TUPLE1 + pickle.REDUCE + pickle.STOP
    )  # fmt: skip


def fitted(**attributes: object) -> LogisticRegression:
    """An honest model that carries something."""
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    vars(model).update(attributes)
    return model


def objects(*items: object) -> np.ndarray[Any, np.dtype[np.object_]]:
    """An array of objects, which joblib pickles inside the pickle."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def joblib_bytes(value: object, compress: Any = 0) -> bytes:
    """What ``joblib.dump`` writes."""
    stream = io.BytesIO()
    joblib.dump(value, stream, compress=compress)
    return stream.getvalue()


HOSTILE: dict[str, Callable[[str], bytes]] = {
    "os.system": lambda shell: pickle.dumps(Call(os.system, (shell,))),
    "os.popen": lambda shell: pickle.dumps(Call(os.popen, (shell,))),
    "posix.system": lambda shell: opcodes("posix", "system", shell),
    "subprocess.Popen": lambda shell: pickle.dumps(Call(subprocess.Popen, (["sh", "-c", shell],))),
    "subprocess.check_output": lambda shell: pickle.dumps(Call(subprocess.check_output, (["sh", "-c", shell],))),
    "builtins.eval": lambda shell: pickle.dumps(Call(builtins.eval, (f"__import__('os').system({shell!r})",))),
    "builtins.exec": lambda shell: pickle.dumps(Call(builtins.exec, (f"import os; os.system({shell!r})",))),
    "builtins.getattr": lambda shell: pickle.dumps(Call(getattr, (LogisticRegression, "fit"))),
    "importlib.import_module": lambda shell: pickle.dumps(Call(importlib.import_module, ("antigravity",))),
    "code.interact": lambda shell: pickle.dumps(Call(code.interact, (shell,))),
    "runpy.run_path": lambda shell: pickle.dumps(Call(runpy.run_path, ("/nowhere-at-all",))),
    "timeit.timeit": lambda shell: pickle.dumps(Call(timeit.timeit, (f"__import__('os').system({shell!r})",))),
    "shutil.rmtree": lambda shell: pickle.dumps(Call(shutil.rmtree, ("/nowhere-at-all",))),
    "webbrowser.open": lambda shell: pickle.dumps(Call(webbrowser.open, ("file:///",))),
    "functools.partial": lambda shell: pickle.dumps(functools.partial(os.system, shell)),
    "operator.attrgetter": lambda shell: pickle.dumps(operator.attrgetter("system")),
    "types.SimpleNamespace": lambda shell: pickle.dumps(Call(types.SimpleNamespace, ())),
    "sys.exit": lambda shell: pickle.dumps(Call(sys.exit, (0,))),
    "open for writing": lambda shell: pickle.dumps(Call(open, (shell.split()[-1], "w"))),
    "dotted name through a library": lambda shell: opcodes("sklearn.utils._testing", "os.system", shell),
    "dotted name through an allowed module": lambda shell: opcodes("sklearn.base", "os.system", shell),
    "function that a library imports": lambda shell: opcodes("sklearn.datasets._base", "urlretrieve", shell),
    "module that a library imports": lambda shell: opcodes("sklearn.base", "inspect", shell),
    "numpy reads a pickle": lambda shell: opcodes("numpy", "load", shell),
    "numpy runs a string": lambda shell: opcodes("numpy.testing._private.utils", "runstring", shell),
    "joblib reads a pickle": lambda shell: opcodes("joblib", "load", shell),
    "joblib's array in another file": lambda shell: opcodes("joblib.numpy_pickle_compat", "NDArrayWrapper", shell),
    "pickle in a pickle": lambda shell: pickle.dumps(Call(pickle.loads, (pickle.dumps(Call(os.system, (shell,))),))),
    "codec of a strange name": lambda shell: b"c_codecs\nencode\n(Vx\nVrot13\ntR.",
    "default of a dictionary": lambda shell: pickle.dumps(collections.defaultdict(os.getcwd)),
    "inside a fitted model": lambda shell: pickle.dumps(fitted(note=Call(os.system, (shell,)))),
    "step of a pipeline": lambda shell: pickle.dumps(make_pipeline(FunctionTransformer(os.system), fitted())),
    "joblib, plain": lambda shell: joblib_bytes(fitted(note=Call(os.system, (shell,)))),
    "joblib, zlib": lambda shell: joblib_bytes(fitted(note=Call(os.system, (shell,))), 3),
    "joblib, gzip": lambda shell: joblib_bytes(fitted(note=Call(os.system, (shell,))), ("gzip", 3)),
    "joblib, bz2": lambda shell: joblib_bytes(fitted(note=Call(os.system, (shell,))), ("bz2", 3)),
    "joblib, xz": lambda shell: joblib_bytes(fitted(note=Call(os.system, (shell,))), ("xz", 3)),
    "joblib, array of objects": lambda shell: joblib_bytes(fitted(note=objects(Call(os.system, (shell,))))),
    "joblib, array of objects, zlib": lambda shell: joblib_bytes(fitted(note=objects(Call(os.system, (shell,)))), 3),
}  # fmt: skip
"""Name of the way → the pickle that would run a shell command."""


def write(way: str, directory: Path) -> tuple[Path, Path]:
    """Write one hostile pickle; returns it and the file that exists once it has run."""
    proof = directory / "it-ran"
    path = directory / "model.pkl"
    path.write_bytes(HOSTILE[way](f"touch {proof}"))
    return path, proof
