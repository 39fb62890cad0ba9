"""Bundle → a core that answers: load, call it with its sample, choose how it is called."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rtdeploy import bundle as bundles
from rtdeploy.bundle import Bundle, Flavour
from rtdeploy.bundle.model import LoadedModel
from rtdeploy.bundle.openinference import decode
from rtdeploy.errors import RtdeployError
from rtdeploy.runtime.core import WarmUp, warm_up
from rtdeploy.runtime.fallback import Fallback, fallback_of
from rtdeploy.runtime.settings import ServeSettings

__all__ = ["Loaded", "cores", "load", "where"]

_ANY_CODE = frozenset({Flavour.PYTHON, Flavour.MLFLOW})
"""Where a call may do whatever the request brings it to do; it must not hold up the event loop."""
_PLACES = ("RTDEPLOY_BUNDLE", "AZUREML_MODEL_DIR")
_SAGEMAKER = Path("/opt/ml/model")
_QUOTAS = (Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
_PERIOD = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that has answered its sample."""

    model: LoadedModel
    warm: WarmUp
    fallback: Fallback | None
    threads: int


def where(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Find the bundle: as named, as the platform says, or where SageMaker unpacks it."""
    if given is not None:
        return given
    for name in _PLACES:
        if environment.get(name):
            return Path(environment[name])
    return _SAGEMAKER


def load(bundle: Bundle, settings: ServeSettings) -> Loaded:
    """Load a bundle and call it with its sample.

    Raises:
        RtdeployError: it cannot be loaded, or does not answer its own sample, or the fallback does not fit.

    """
    threads = cores()
    try:
        model = bundles.load(bundle, threads=threads)
        fallback = fallback_of(settings, bundle.signature, bundle.path)
    except RtdeployError:
        raise
    except Exception as error:
        raise _failed(f"The model {bundle.name} does not load.", error) from error
    try:
        sample = decode(bundle.sample, bundle.signature).inputs
        warm = warm_up(model.predict, sample, steady=bundle.flavour not in _ANY_CODE)
    except Exception as error:
        raise _failed(f"The model {bundle.name} does not answer its own sample.", error) from error
    return Loaded(model=model, warm=warm, fallback=fallback, threads=threads)


def _failed(summary: str, error: Exception) -> RtdeployError:
    return RtdeployError(
        summary,
        remedy="Package it again, with the versions of its libraries that are installed here.",
        detail=f"{type(error).__name__}: {error}",
    )


def cores() -> int:
    """Cores that this process may use: its affinity, and the quota of its control group where there is one."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(mine, int(_quota() or mine)))


def _quota() -> float | None:
    for file in _QUOTAS:
        try:
            quota, *period = file.read_text().split()
            share = int(quota) / int(period[0] if period else _PERIOD.read_text())
        except (OSError, ValueError, IndexError, ZeroDivisionError):
            continue
        return share if share > 0 else None
    return None
