"""Open a model that is being packaged and let it answer the sample once, in a process of its own.

A model may take any amount of memory, crash or hang; the process that packages does not. Both sides of the pipe are
here: :func:`run` starts ``python -m rtdeploy.bundle.trial JOB ANSWER``, :func:`main` is what runs in it.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rtdeploy.bundle import sample
from rtdeploy.bundle.flavours.interface import Draft, Examined, Form
from rtdeploy.bundle.flavours.mlflow import example
from rtdeploy.bundle.libraries import pins
from rtdeploy.bundle.loading import module_of
from rtdeploy.bundle.manifest import Flavour, Json, Origin
from rtdeploy.bundle.openinference import BadRequestError, decode, encode_request
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor
from rtdeploy.errors import BundleError, MissingDependencyError, RtdeployError

__all__ = ["Answer", "Job", "run"]

_LONGEST_S = 600
_FAILED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be tried: the files of the model lie in ``directory``; ``sample`` is the user's, if there is one."""

    directory: str
    flavour: str
    recipe: Mapping[str, Json]
    trust: bool
    sample: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found out; ``body`` is the sample as the one canonical request."""

    recipe: Mapping[str, Json]
    signature: Signature
    columns: tuple[str, ...]
    body: bytes
    origin: Origin
    form: Form
    requirements: tuple[str, ...]


def run(job: Job, workspace: Path) -> Answer:
    """Try the model in a process of its own.

    Raises:
        BundleError: It cannot be opened, does not answer the sample, crashes or hangs.
        MissingDependencyError: Its library is not installed.

    """
    asked, answered = workspace / "job.json", workspace / "answer.json"
    asked.write_text(json.dumps(asdict(job)))
    command = [sys.executable, "-P", "-m", "rtdeploy.bundle.trial", str(asked), str(answered)]
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    # The child ends when its standard input does, so that it does not outlive a parent that is killed.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=workspace
    ) as child:
        try:
            said = _wait(child)
        except BaseException:
            child.kill()
            raise
    return _read(answered, child.returncode, said.decode(errors="replace"))


def _wait(child: subprocess.Popen[bytes]) -> bytes:
    """Read what the child says; ``communicate`` would close its standard input."""
    assert child.stdout is not None
    watchdog = threading.Timer(_LONGEST_S, child.kill)
    watchdog.daemon = True  # an interrupted parent must not wait for it
    try:
        watchdog.start()
        said = child.stdout.read()
        child.wait()
    finally:
        watchdog.cancel()
    return said


def _read(answered: Path, code: int, said: str) -> Answer:
    if code == 0:
        return _answer(json.loads(answered.read_bytes()))
    if code == _FAILED:
        raise _error(json.loads(answered.read_bytes()))
    if code < 0:
        name = signal.Signals(-code).name
        reason = "took too much memory or more than 10 minutes" if name == "SIGKILL" else "crashed"
        raise BundleError(
            f"The model {reason} on the sample ({name}).",
            remedy="Check that the file is whole, and that the sample is what the model takes.",
            detail=_last(said),
        )
    raise BundleError(
        "The model failed on the sample.",
        remedy="Correct the model or the sample; the lines below say where.",
        detail=_last(said),
    )


def _last(said: str) -> str:
    """The end of a traceback is what tells."""
    return "\n".join(said.strip().splitlines()[-12:])


def _answer(found: dict[str, Any]) -> Answer:
    return Answer(
        recipe=found["recipe"],
        signature=Signature(inputs=_tensors(found["inputs"]), outputs=_tensors(found["outputs"])),
        columns=tuple(found["columns"]),
        body=found["body"].encode(),
        origin=Origin(found["origin"]),
        form=Form(found["form"]),
        requirements=tuple(found["requirements"]),
    )


def _tensors(listed: list[dict[str, Any]]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(name=one["name"], datatype=Datatype(one["datatype"]), shape=tuple(one["shape"])) for one in listed
    )


def _error(found: dict[str, str]) -> RtdeployError:
    if found["kind"] == MissingDependencyError.__name__:
        what = found["summary"].removesuffix(" needs a package that is not installed.")
        return MissingDependencyError(
            what, install=found["remedy"].removeprefix("pip install "), detail=found["detail"]
        )
    return BundleError(found["summary"], remedy=found["remedy"], detail=found["detail"])


def main(asked: str, answered: str) -> int:
    """Answer one job; an error that is not ours ends in a traceback, which the parent passes on."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job = Job(**json.loads(Path(asked).read_bytes()))
    try:
        found = _try(job)
        code = 0
    except RtdeployError as error:
        found = {"kind": type(error).__name__, "summary": error.summary, "remedy": error.remedy, "detail": error.detail}
        code = _FAILED
    Path(answered).write_text(json.dumps(found), encoding="utf-8")
    sys.stdout.flush()
    return code


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


def _try(job: Job) -> dict[str, Any]:
    given = None if job.sample is None else sample.read(Path(job.sample))
    flavour, directory = Flavour(job.flavour), Path(job.directory)
    from_example = flavour is Flavour.MLFLOW and given is None and example(directory) is not None
    origin = Origin.FILE if given is not None else Origin.EXAMPLE if from_example else Origin.MADE
    examined = module_of(flavour).examine(Draft(directory=directory, recipe=job.recipe, trust=job.trust, given=given))
    body, outputs = _predict(examined)
    examined.model.close()
    return {
        "recipe": dict(examined.recipe),
        "inputs": [asdict(tensor) for tensor in examined.inputs],
        "outputs": [asdict(tensor) for tensor in _described(examined, outputs)],
        "columns": list(examined.columns),
        "body": body.decode(),
        "origin": origin.value,
        "form": examined.form.value,
        "requirements": list(pins(examined.packages)),
    }


def _predict(examined: Examined) -> tuple[bytes, dict[str, Array]]:
    """Write the sample as a request, read it as the server will, and predict."""
    try:
        body = encode_request(examined.sample)
        request = decode(body, Signature(inputs=examined.inputs, outputs=()))
    except BadRequestError as error:
        raise BundleError(
            "The sample cannot be sent as JSON.", remedy="Correct the sample or the model's inputs.", detail=str(error)
        ) from error
    return body, examined.model.predict(request.inputs)


def _described(examined: Examined, outputs: Mapping[str, Array]) -> tuple[Tensor, ...]:
    """Outputs as the model declares them where what came out is of that form, else as they came out."""
    declared = {tensor.name: tensor for tensor in examined.outputs}
    rows = {array.shape[0] for array in examined.sample.values() if array.ndim}
    free = all(tensor.shape[:1] == (-1,) for tensor in examined.inputs) and len(rows) == 1
    described = []
    for name, array in outputs.items():
        known = declared.get(name)
        if known is not None and len(known.shape) == array.ndim:
            described.append(known)
            continue
        batch = free and array.ndim > 0 and array.shape[0] in rows
        shape = (-1, *array.shape[1:]) if batch else array.shape
        described.append(Tensor(name=name, datatype=_datatype(name, array), shape=shape))
    return tuple(described)


def _datatype(name: str, array: Array) -> Datatype:
    if array.dtype == object and not all(isinstance(item, str | bytes) for item in array.ravel()):
        raise _no_tensor(name, "objects that are no texts")
    try:
        return Datatype.of(array.dtype)
    except ValueError as error:
        raise _no_tensor(name, str(array.dtype)) from error


def _no_tensor(name: str, what: str) -> BundleError:
    return BundleError(
        f"The output {name!r} holds {what}, which no response can carry.",
        remedy="Return numbers, truth values or texts, in an array of one kind.",
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
