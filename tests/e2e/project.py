"""A project on disk, and the command line run in it as a user would."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass(frozen=True)
class Project:
    """A directory with rtdeploy.yaml, and the command line run in it as a user would."""

    path: Path

    def rtdeploy(self, *arguments: str, timeout: float = 120, **environment: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "rtdeploy", *arguments],
            cwd=self.path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)
