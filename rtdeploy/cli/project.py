"""init, package, schema: what is on disk before anything runs."""

from pathlib import Path
from typing import Annotated

import typer

from rtdeploy.cli.console import Conversation, emit, print_lines
from rtdeploy.cli.options import File, Json

__all__ = ["init", "package", "schema"]

_FILE = Path("rtdeploy.yaml")


def init(
    directory: Annotated[Path, typer.Argument(help="Where the project goes.")] = Path(),
    template: Annotated[str, typer.Option(help="onnx, sklearn or python.")] = "onnx",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    json: Json = False,
) -> None:
    """Write a project that deploys at once: spec, model, sample, CI workflow."""
    from rtdeploy import spec

    written = spec.init(directory, spec.Template.parse(template), force=force)
    if json:
        emit({"files": [str(path) for path in written]})
        return
    print_lines(*(str(path) for path in written))
    place = "" if directory == Path() else f"cd {directory} && "
    Conversation().done(f"Next: {place}rtdeploy deploy local && rtdeploy bench local")


def package(file: File = _FILE, json: Json = False) -> None:
    """Build the bundle; the same input gives the same digest, byte for byte."""
    from rtdeploy.cli.workspace import Workspace

    bundle = Workspace.open(file).bundle_with_progress(Conversation())
    if json:
        emit({"path": str(bundle.path), "digest": bundle.digest, "flavour": bundle.flavour, "reused": bundle.reused})
    else:
        print_lines(str(bundle.path), bundle.digest)


def schema() -> None:
    """Print the JSON Schema of rtdeploy.yaml, for editors and checks."""
    from rtdeploy import spec

    emit(spec.json_schema())
