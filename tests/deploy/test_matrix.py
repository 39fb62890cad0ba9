"""The page about providers says what the providers say."""

from pathlib import Path

from rtdeploy.testing.matrix import matrix, written_anew
from rtdeploy.testing.memory import MemoryProvider

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == written_anew(PAGE.read_text()), "python -m rtdeploy.testing.matrix docs/providers.md"


def test_the_matrix_shows_every_feature_with_its_note_and_every_setting_with_its_cost(
    provider: MemoryProvider,
) -> None:
    text = matrix({"memory": provider})
    assert "| canary | **yes**: by requests, exact over every hundred |" in text
    assert "| gpu | no: there is no GPU |" in text
    assert "| `port` | outage |" in text
