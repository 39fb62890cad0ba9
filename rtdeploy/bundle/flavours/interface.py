"""What every module of a library gives, and what it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from rtdeploy.bundle.manifest import Json
from rtdeploy.bundle.model import LoadedModel
from rtdeploy.bundle.sample import Given
from rtdeploy.bundle.signature import Array, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["Draft", "Examined", "FlavourModule", "Form", "Served", "sample_needed"]


class Form(StrEnum):
    """How an MLflow client hands the input over."""

    TENSORS = "tensors"
    """A dictionary of arrays by name."""
    TENSOR = "tensor"
    """One array."""
    COLUMNS = "columns"
    """A data frame."""
    TEXT = "text"
    """A data frame with one column of texts, of whatever name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A model that is being packaged: its files lie in ``directory``, ``recipe`` says which is which."""

    directory: Path
    recipe: Mapping[str, Json]
    trust: bool
    given: Given | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What opening the model and looking at the sample told.

    Attributes:
        model: Opened.
        recipe: How to open it again.
        inputs: What it takes.
        outputs: What it says it gives; empty where only a prediction tells.
        sample: One request, by name of input.
        columns: Names of the columns of the only input, where it is a table.
        form: How an MLflow client hands the input over.
        packages: Distributions that it needs to run.

    """

    model: LoadedModel
    recipe: Mapping[str, Json]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...] = ()
    sample: Mapping[str, Array]
    columns: tuple[str, ...] = ()
    form: Form
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How stock MLflow opens the bundle.

    Attributes:
        flavours: The ``flavors`` of MLmodel.
        code: Modules of ours that go into ``code/``, because MLflow has none that opens this file.

    """

    flavours: Mapping[str, Mapping[str, Json]]
    code: Mapping[str, Path]


class FlavourModule(Protocol):
    """The shape of every module here; none imports its library before it is called."""

    def examine(self, draft: Draft) -> Examined:
        """Open a model that is being packaged and fit the sample to it; runs in a process of its own."""

    def open_model(
        self, directory: Path, recipe: Mapping[str, Json], signature: Signature, *, threads: int
    ) -> LoadedModel:
        """Open a packaged model for serving with so many threads for one prediction."""

    def served(self, recipe: Mapping[str, Json], versions: Mapping[str, str]) -> Served:
        """Describe the model to stock MLflow; ``versions`` are those of the installed distributions."""


def sample_needed(what: str) -> BundleError:
    """Say that this model does not tell what it takes."""
    return BundleError(
        f"{what} does not say what it takes, and there is no sample.",
        remedy="Write one request to a file and name it in rtdeploy.yaml: model: {sample: sample.json} or sample.csv.",
    )
