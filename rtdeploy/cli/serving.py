"""serve: the runtime itself, in the foreground."""

from pathlib import Path
from typing import Annotated

import typer

from rtdeploy.exitcodes import ExitCode

__all__ = ["serve"]


def serve(
    bundle: Annotated[Path, typer.Argument(help="A packaged bundle, or any MLflow model made by `rtdeploy package`.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks one.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
) -> ExitCode | None:
    """Serve a bundle over HTTP until SIGTERM, then drain."""
    from rtdeploy import runtime

    return ExitCode(runtime.serve(runtime.ServerSettings(bundle=bundle, host=host, port=port, workers=workers)))
