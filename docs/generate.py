"""Write the generated pages, `make docs`; tests compare each with what is committed."""

from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

HERE = Path(__file__).parent
ROOT = HERE.parent
BEGIN, END = "<!-- rtdeploy.yaml: generated -->\n", "<!-- end of rtdeploy.yaml -->"


def commands() -> str:
    """Every command with its options, from the program itself."""
    from rtdeploy.cli.app import app

    command = typer.main.get_command(app)
    with command.make_context("rtdeploy", ["schema"]) as context:
        return get_docs_for_click(obj=command, ctx=context, name="rtdeploy", title="Commands").strip() + "\n"


def spec() -> str:
    """Every key of rtdeploy.yaml, from its schema."""
    from rtdeploy.spec.reference import reference

    return reference()


def providers() -> str:
    """What each provider can do, from what it declares."""
    from rtdeploy.testing.matrix import written_anew

    return written_anew((HERE / "providers.md").read_text())


def readme() -> str:
    """The commented file, as it is shipped."""
    page = (ROOT / "README.md").read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    example = (ROOT / "templates/rtdeploy_templates/projects/reference.yaml").read_text()
    return f"{before}{BEGIN}```yaml\n{example}```\n{END}{after}"


PAGES = {
    "docs/cli.md": commands,
    "docs/spec.md": spec,
    "docs/providers.md": providers,
    "README.md": readme,
}


def main() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (ROOT / name).write_text(page())
        print(name)


if __name__ == "__main__":
    main()
