"""What each provider can do, as Markdown: ``python -m rtdeploy.testing.matrix docs/providers.md`` writes it anew."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rtdeploy.deploy.contract import Context, Feature, Provider
from rtdeploy.deploy.registry import BUILT_IN, connect

__all__ = ["BEGIN", "END", "built_in", "matrix", "written_anew"]

BEGIN = "<!-- generated: python -m rtdeploy.testing.matrix docs/providers.md -->"
END = "<!-- end of generated part -->"


def built_in() -> Mapping[str, Provider]:
    """Connect to every provider that comes with rtdeploy; none of them needs credentials for that."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        context = Context(project="matrix", root=root, home=root / ".rtdeploy")
        return {name: connect(name, context) for name in sorted(BUILT_IN)}


def matrix(providers: Mapping[str, Provider]) -> str:
    """Write the features of all providers side by side, then the settings of each and what changing one costs."""
    features = _table(
        ["feature", *providers],
        [[str(feature), *(_support(provider, feature) for provider in providers.values())] for feature in Feature],
    )
    return "\n\n".join([features, *(_settings(name, provider) for name, provider in providers.items())])


def _support(provider: Provider, feature: Feature) -> str:
    support = provider.features[feature]
    word = "**yes**" if support.available else "no"
    return f"{word}: {support.note}" if support.note else word


def _settings(name: str, provider: Provider) -> str:
    rows = [[f"`{field}`", str(effect)] for field, effect in sorted(provider.fields.items())]
    return f"Settings of `{name}`, and what changing one costs:\n\n" + _table(["setting", "change"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def written_anew(page: str) -> str:
    """Replace the generated part of a page."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{matrix(built_in())}\n\n{END}{after}"


def _main(file: Path) -> None:
    file.write_text(written_anew(file.read_text()))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
