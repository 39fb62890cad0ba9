"""The page in a real browser, opened from a file as a reader would."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from rtdeploy import report
from rtdeploy.bench.result import Result

pytestmark = pytest.mark.xdist_group("browser")

SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    # Chromium refuses to run its sandbox as root, as which containers of CI run.
    switches = [*SWITCHES, *(("--no-sandbox",) if os.getuid() == 0 else ())]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=switches)
        yield browser
        browser.close()


class Reader:
    """Opens reports and remembers whatever the page says or asks for."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser = browser
        self._folder = folder
        self.console: list[str] = []
        self.requests: list[str] = []

    def open(self, runs: Sequence[Any], *, width: int = 1280, scheme: Any = "light") -> Page:
        file = self._folder / "report.html"
        file.write_text(report.html(runs), encoding="utf-8")
        page = self._browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())
        return page

    @property
    def address(self) -> str:
        return (self._folder / "report.html").as_uri()


@pytest.fixture
def reader(browser: Browser, tmp_path: Path) -> Iterator[Reader]:
    yield Reader(browser, tmp_path)
    for context in browser.contexts:
        context.close()


ALL = ["pass", "stalls", "invalid", "all errors", "nothing", "single", "interrupted"]


@pytest.mark.parametrize("case", ALL)
def test_a_page_opens_without_a_complaint_and_asks_for_nothing(
    reader: Reader, cases: Mapping[str, Any], case: str
) -> None:
    reader.open([cases[case]])

    assert reader.console == []
    assert reader.requests == [reader.address]


@pytest.mark.parametrize("case", ALL)
def test_the_verdict_the_reasons_and_the_budget_are_on_the_first_screen(
    reader: Reader, cases: Mapping[str, Any], case: str
) -> None:
    page = reader.open([cases[case]])

    assert page.locator("h1 .word").inner_text() == cases[case].result.verdict.capitalize()
    for part in ("h1 .word", ".banner .icon", ".reasons li >> nth=0", ".budget-table", ".figures"):
        box = page.locator(part).bounding_box()
        assert box is not None, part
        assert box["height"] > 0, part
        assert box["y"] + box["height"] < 800, part


@pytest.mark.parametrize("width", [360, 400, 1280])
@pytest.mark.parametrize("names", [["stalls"], ["all errors"], ["pass", "stalls", "invalid"]], ids="+".join)
def test_nothing_sticks_out_of_the_page(reader: Reader, cases: Mapping[str, Any], names: list[str], width: int) -> None:
    page = reader.open([cases[name] for name in names], width=width)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [400, 1280])
def test_every_chart_has_a_size_and_its_labels_lie_inside_the_page(
    reader: Reader, cases: Mapping[str, Any], width: int
) -> None:
    page = reader.open([cases["stalls"]], width=width)
    plots = page.locator("svg.plot").all()

    assert len(plots) == 5
    for plot in plots:
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 200
    for label in page.locator("svg.plot > text").all():
        box = label.bounding_box()
        assert box is not None
        assert -1 <= box["x"] <= box["x"] + box["width"] <= width + 1


def test_dots_lines_and_failures_are_really_drawn(reader: Reader, cases: Mapping[str, Any]) -> None:
    page = reader.open([cases["stalls"]])

    for part in ("path.dot.d1 >> nth=-1", "path.p50", "path.p99", "path.failed", "line.budget"):
        shape = page.locator(f"#latency {part}").first
        box = shape.bounding_box()
        assert box is not None
        assert box["width"] > 100, part
        assert shape.evaluate("node => getComputedStyle(node).stroke") not in {"none", ""}, part


def test_pointing_at_a_second_shows_its_figures(reader: Reader, cases: Mapping[str, Any]) -> None:
    page = reader.open([cases["stalls"]])
    window = page.locator("#latency .window").nth(8)
    readout = window.locator("text")

    assert not readout.is_visible()
    window.locator("rect").hover(force=True)

    assert readout.is_visible()
    assert readout.inner_html().startswith("8 to 9 s: ")


def test_hostile_text_stays_text(reader: Reader, cases: Mapping[str, Any], hostile: Result) -> None:
    run = cases["stalls"]
    page = reader.open([replace(run, result=hostile), run])

    assert page.evaluate("window.hacked") is None
    assert page.locator("img, script").count() == 0
    assert page.locator(".reasons li").first.inner_text().startswith("<script>window.hacked=1</script>")
    assert reader.requests == [reader.address]
    assert reader.console == []


def test_runs_stand_side_by_side_on_a_wide_screen_and_below_each_other_on_a_phone(
    reader: Reader, cases: Mapping[str, Any]
) -> None:
    runs = [cases["pass"], cases["stalls"]]
    corner = "cards => cards.map(card => [card.getBoundingClientRect().x, card.getBoundingClientRect().y])"
    wide = reader.open(runs).locator(".verdict-card").evaluate_all(corner)
    phone = reader.open(runs, width=400).locator(".verdict-card").evaluate_all(corner)

    assert wide[0][1] == wide[1][1]
    assert phone[0][0] == phone[1][0]


CONTRAST = """
() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
  };
  const worst = [];
  for (const node of document.querySelectorAll("h1,h2,h3,p,li,th,td,dt,dd,pre,summary,span,text")) {
    const style = getComputedStyle(node);
    const ink = channels(node.tagName === "text" ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) worst.push([node.outerHTML.slice(0, 80), ratio]);
  }
  return worst;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_that_wcag_asks_for(reader: Reader, cases: Mapping[str, Any], scheme: str) -> None:
    runs = [cases[name] for name in ("pass", "stalls", "single", "invalid")]
    other = replace(runs[0], result=replace(runs[0].result, scenario_digest="sha256:2d"))

    assert reader.open([*runs, other], scheme=scheme).evaluate(CONTRAST) == []


def test_a_printed_page_is_light_and_keeps_its_charts(reader: Reader, cases: Mapping[str, Any]) -> None:
    page = reader.open([cases["stalls"]], width=720, scheme="dark")
    page.emulate_media(media="print")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    assert len(page.pdf()) > 20_000
