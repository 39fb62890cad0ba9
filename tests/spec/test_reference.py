"""The reference page is what the schema says."""

from pathlib import Path

from rtdeploy.spec.model import Section
from rtdeploy.spec.reference import reference
from rtdeploy.spec.shape import fields_of

PAGE = Path(__file__).parents[2] / "docs" / "spec.md"


def test_the_page_is_what_the_schema_says() -> None:
    assert PAGE.read_text() == reference(), "python -m rtdeploy.spec.reference > docs/spec.md"


def test_the_page_has_every_key_of_every_section() -> None:
    text = reference()
    keys = {key for section in Section.__subclasses__() for key in fields_of(section)}
    assert [key for key in keys - {"provider"} if f"| `{key}` |" not in text] == []


def test_every_link_leads_to_a_heading() -> None:
    lines = reference().splitlines()
    headings = {
        "".join(sign for sign in line[3:].lower().replace(" ", "-") if sign.isalnum() or sign == "-")
        for line in lines
        if line.startswith("## ")
    }
    targets = {part.split(")")[0] for line in lines for part in line.split("](#")[1:]}
    assert targets <= headings
