"""Write the generated pages: `make docs`. A test compares each with what is committed."""

from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

HERE = Path(__file__).parent


def cli_page() -> str:
    """Every command with its options, from the program itself."""
    from rtdeploy.cli.app import app

    command = typer.main.get_command(app)
    with command.make_context("rtdeploy", ["schema"]) as context:
        return get_docs_for_click(obj=command, ctx=context, name="rtdeploy", title="Commands").strip() + "\n"


PAGES = {"cli.md": cli_page}


def main() -> None:
    """Write every page that has changed."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
