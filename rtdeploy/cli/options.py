"""Options that several commands share, each said once."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Debug", "File", "Json", "Target", "Version", "Yes"]


def _print_version(wanted: bool) -> None:
    if wanted:
        from rtdeploy import __version__

        typer.echo(f"rtdeploy {__version__}")
        raise typer.Exit


File = Annotated[
    Path, typer.Option("--file", "-f", envvar="RTDEPLOY_FILE", help="The project's file.", show_default=True)
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, the conversation on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Keep the traceback of an error.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Target = Annotated[str, typer.Argument(help="A target of the file.", show_default=False)]
Version = Annotated[bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)]
