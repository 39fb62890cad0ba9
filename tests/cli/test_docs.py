"""Pages that are generated say what the program says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest
import yaml

from rtdeploy.spec import json_schema, load

ROOT = Path(__file__).parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = generator().PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_not_stale(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name](), "run: make docs"


def test_the_commented_file_of_the_readme_is_valid_by_the_schema_and_by_the_loader(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text().partition("<!-- rtdeploy.yaml: generated -->")[2]
    example = text.partition("```yaml\n")[2].partition("```")[0]
    jsonschema.validate(yaml.safe_load(example), json_schema())
    (tmp_path / "rtdeploy.yaml").write_text(example)
    for name in ("model.onnx", "sample.json", "train.parquet", "payloads.jsonl"):
        (tmp_path / name).write_text("{}")
    assert load(tmp_path / "rtdeploy.yaml").name == "fraud-scorer"


def test_every_link_of_the_readme_and_the_docs_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} → {target}"
