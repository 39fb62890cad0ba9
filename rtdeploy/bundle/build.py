"""Model → bundle: find its files, bring them in, try it once, describe it, put it in its place."""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import rtdeploy
from rtdeploy.bundle import manifest, mlmodel, sources, store, trial
from rtdeploy.bundle.libraries import versions
from rtdeploy.bundle.loading import module_of
from rtdeploy.bundle.manifest import MANIFEST, SAMPLE, SCHEMA, Bundle, Json
from rtdeploy.bundle.sources import Source
from rtdeploy.bundle.staging import Memory, Stage, disk_is_full
from rtdeploy.errors import BundleError

if TYPE_CHECKING:
    from rtdeploy.spec.model import Model

__all__ = ["package"]

_CACHE = ".cache"


def package(
    model: "Model", *, name: str, root: Path, home: Path, progress: Callable[[int, int], None] | None = None
) -> Bundle:
    """Package a model; :func:`rtdeploy.bundle.package` says what there is to know."""
    root, home = root.resolve(), home.resolve()
    source = sources.find(model, root)
    sample = None if model.sample is None else root / model.sample
    try:
        with store.workspace(home) as place:
            memory = Memory.open(_cache(home) / "files.json")
            stage = Stage(directory=place / "bundle", home=home, memory=memory, progress=progress)
            stage.add(source.files)
            key = _key(name, source, stage, sample=sample, trust=model.trust)
            bundle = _known(home, key)
            if bundle is None:
                bundle = _build(name, source, stage, place, sample=sample, trust=model.trust)
                _remember(home, key, bundle, place)
            stage.remember(place)
            return bundle
    except OSError as error:
        raise disk_is_full(error, home) or _unwritable(home, error) from error


def _cache(home: Path) -> Path:
    cache = home / _CACHE
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _unwritable(home: Path, error: OSError) -> BundleError:
    return BundleError(
        f"The bundle cannot be written to {home}.",
        remedy="Check that you may write there.",
        detail=str(error),
    )


def _key(name: str, source: Source, stage: Stage, *, sample: Path | None, trust: bool) -> str:
    """Everything that decides what the bundle will be, in one digest."""
    decides = {
        "format": [SCHEMA, rtdeploy.__version__],
        "name": name,
        "flavour": source.flavour,
        "recipe": source.recipe,
        "files": {path: file.sha256 for path, file in stage.files.items()},
        "sample": None if sample is None else _sha256(sample),
        "trust": trust,
        "versions": versions(source.packages),
        "python": platform.python_version(),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(
            f"{path}: the sample cannot be read.", remedy="Check model.sample in rtdeploy.yaml.", detail=str(error)
        ) from error


def _known(home: Path, key: str) -> Bundle | None:
    """Find the bundle that was made from the very same, if it is still there and nobody wrote into it."""
    with suppress(OSError, BundleError):
        found = manifest.read(home / (_cache(home) / key).read_text())
        if store.is_untouched(found):
            return replace(found, reused=True)
    return None


def _remember(home: Path, key: str, bundle: Bundle, place: Path) -> None:
    draft = place / key
    draft.write_text(bundle.path.name)
    draft.replace(_cache(home) / key)


def _build(name: str, source: Source, stage: Stage, place: Path, *, sample: Path | None, trust: bool) -> Bundle:
    stage.fill(source.files)
    job = trial.Job(
        directory=str(stage.directory),
        flavour=source.flavour,
        recipe=source.recipe,
        trust=trust,
        sample=None if sample is None else str(sample),
    )
    answer = trial.run(job, place)
    _drop_strays(stage)
    _describe(source, answer, stage)
    body = _body(name, source, answer, trust=trust)
    content, digest = manifest.encode(body, stage.files)
    stage.write(MANIFEST, content)
    path = store.commit(stage.directory, stage.home, name, digest)
    return manifest.read(path)


def _drop_strays(stage: Stage) -> None:
    """A model that writes beside itself when it loads adds nothing to the bundle."""
    for path in sorted(stage.directory.rglob("*"), reverse=True):
        if path.is_dir():
            with suppress(OSError):
                path.rmdir()
        elif str(path.relative_to(stage.directory)) not in stage.files:
            path.unlink()


def _describe(source: Source, answer: trial.Answer, stage: Stage) -> None:
    """Add what MLflow reads, and the sample."""
    stage.write(SAMPLE, answer.body)
    served = module_of(source.flavour).served(answer.recipe, versions(source.packages))
    if not served.flavours:
        return
    for inside, file in sorted(served.code.items()):
        stage.write(f"code/{inside}", file.read_bytes())
    described = mlmodel.files(
        served=served,
        signature=answer.signature,
        columns=answer.columns,
        form=answer.form,
        body=answer.body,
        requirements=answer.requirements,
        identity=_identity(source, stage),
    )
    for inside, content in sorted(described.items()):
        stage.write(inside, content)


def _identity(source: Source, stage: Stage) -> str:
    lines = [f"{stage.files[path].sha256}  {path}\n" for path in sorted(source.files)]
    return hashlib.sha256("".join([source.flavour, "\n", *lines]).encode()).hexdigest()


def _body(name: str, source: Source, answer: trial.Answer, *, trust: bool) -> Mapping[str, Json]:
    return {
        "name": name,
        "flavour": source.flavour.value,
        "inputs": [{**asdict(tensor), "shape": list[Json](tensor.shape)} for tensor in answer.signature.inputs],
        "outputs": [{**asdict(tensor), "shape": list[Json](tensor.shape)} for tensor in answer.signature.outputs],
        "columns": list[Json](answer.columns),
        "sample_origin": answer.origin.value,
        "recipe": dict(answer.recipe),
        "trust": trust,
        "requirements": list[Json](answer.requirements),
        "python": platform.python_version(),
    }
