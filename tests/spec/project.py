"""Write rtdeploy.yaml, load it, and say what is wrong with it as a user reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rtdeploy.errors import SpecError
from rtdeploy.spec import Override, load
from rtdeploy.spec.model import Spec

SMALLEST = """\
name: fraud
model: {path: model.onnx}
targets:
  local: {provider: process}
"""


@dataclass(frozen=True)
class Project:
    path: Path

    def write(self, text: str | bytes) -> Path:
        file = self.path / "rtdeploy.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def load(
        self, text: str | bytes, env: Mapping[str, str] | None = None, overrides: Mapping[str, Override] | None = None
    ) -> Spec:
        return load(self.write(text), env=env or {}, overrides=overrides)

    def problems(
        self, text: str | bytes, env: Mapping[str, str] | None = None, overrides: Mapping[str, Override] | None = None
    ) -> list[str]:
        """Every mistake as it is printed, without the directory; none where the file is right."""
        try:
            self.load(text, env, overrides)
        except SpecError as error:
            return [str(problem).removeprefix(f"{self.path}/") for problem in error.problems]
        return []
