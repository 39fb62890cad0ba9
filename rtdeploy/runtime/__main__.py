"""``python -m rtdeploy.runtime``: what runs inside an image, and under a supervisor; light on its feet.

Platforms start a container as ``serve`` and give no flags, so every flag has a variable: ``--drain-timeout`` is
``RTDEPLOY_DRAIN_TIMEOUT``.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rtdeploy.errors import RtdeployError
from rtdeploy.exitcodes import ExitCode
from rtdeploy.runtime.loading import where
from rtdeploy.runtime.serving import serve
from rtdeploy.runtime.settings import MEBIBYTE, ServerSettings

__all__ = ["main"]


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Parse, serve, say what went wrong in one line."""
    given = vars(_parser(environment).parse_args(list(arguments)[arguments[:1] == ["serve"] :]))
    try:
        bundle = where(given.pop("bundle"), environment)
        return serve(ServerSettings(**given, bundle=bundle))
    except RtdeployError as error:
        told = (f"Error: {error.summary}", error.detail, f"→ {error.remedy}")
        print(*filter(None, told), sep="\n", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rtdeploy.runtime", description="Serve a bundle over HTTP.")
    parser.add_argument(
        "bundle", nargs="?", type=Path, help="default: $RTDEPLOY_BUNDLE, $AZUREML_MODEL_DIR, /opt/ml/model"
    )

    def add(flag: str, field: str, kind: Callable[[str], Any], default: Any, words: str) -> None:
        variable = "RTDEPLOY_" + flag.removeprefix("--").replace("-", "_").upper()
        parser.add_argument(
            flag,
            dest=field,
            type=kind,
            default=environment.get(variable, default),
            metavar=flag.rsplit("-", maxsplit=1)[-1].upper(),
            help=f"{words}; ${variable}",
        )

    add("--host", "host", str, "127.0.0.1", "address to listen on")
    add("--port", "port", int, 8080, "port to listen on, 0 picks one")
    add("--workers", "workers", int, 1, "processes that share the port")
    add("--largest-body", "largest_body", int, 64 * MEBIBYTE, "bytes of a request at most")
    add("--head-timeout", "head_timeout_s", float, 10.0, "seconds that the head of a request may take")
    add("--body-timeout", "body_timeout_s", float, 30.0, "seconds that the body of a request may take")
    add("--drain-timeout", "drain_s", float, 25.0, "seconds that requests under way may take after SIGTERM")
    add("--drain-grace", "grace_s", float, 5.0, "seconds that an idle connection is kept after SIGTERM")
    add("--idle-timeout", "idle_s", float, 75.0, "seconds that an idle connection is kept otherwise")
    parser.add_argument("--control-fd", type=int, metavar="FD", help="inherited socket of a supervisor")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
