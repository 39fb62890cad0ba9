"""``python -m rtdeploy.runtime``: what runs inside an image, and under a supervisor; light on its feet.

Platforms start a container as ``serve`` with the bundle where they like it, so both arguments may be left out.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rtdeploy.errors import RtdeployError
from rtdeploy.runtime.loading import where
from rtdeploy.runtime.serving import serve
from rtdeploy.runtime.settings import ServerSettings


def main(arguments: Sequence[str]) -> int:
    """Parse, serve, say what went wrong in one line."""
    given = _parser().parse_args(list(arguments)[arguments[:1] == ["serve"] :])
    settings = ServerSettings(
        bundle=where(given.bundle),
        host=given.host,
        port=given.port,
        workers=given.workers,
        control_fd=given.control_fd,
        version=os.environ.get("RTDEPLOY_VERSION", ""),
    )
    try:
        return serve(settings)
    except RtdeployError as error:
        print(f"Error: {error.summary}", error.detail, f"→ {error.remedy}", sep="\n", file=sys.stderr)  # noqa: T201
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rtdeploy.runtime", description="Serve a bundle over HTTP.")
    parser.add_argument(
        "bundle", nargs="?", type=Path, help="default: $RTDEPLOY_BUNDLE, $AZUREML_MODEL_DIR, /opt/ml/model"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 picks one")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    parser.add_argument("--control-fd", type=int, help="inherited socket of a supervisor")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
