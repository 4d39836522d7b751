"""The pages for people in a real browser: wide and narrow, light and dark."""

from pathlib import Path

import pytest

from flows import __main__ as command
from flows.conduct import ingest_plainly
from flows.pages.reporter import write_report
from flows.settings import read_settings
from tasks.tables.manifest import REPORT_NAME
from tests.chromium import CHROMIUM, Browser

ROOT = Path(__file__).resolve().parents[2]
SCREENS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
LEAST_CONTRAST = 4.5  # WCAG 2.2 AA, for text of usual size

CONTRASTS = """
(() => {
  const parse = text => {
    const found = text.match(/[\\d.]+/g).map(Number);
    return {rgb: found.slice(0, 3), alpha: found.length > 3 ? found[3] : 1};
  };
  const light = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(
      v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.alpha === 1) return colour.rgb;
    }
    return [255, 255, 255];
  };
  document.querySelectorAll('details').forEach(part => part.open = true);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = {};
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const box = node.getBoundingClientRect();
    if (!walker.currentNode.data.trim() || box.width < 2) continue;
    const style = getComputedStyle(node);
    const colour = node.closest('svg') ? style.fill : style.color;
    const both = [light(parse(colour).rgb), light(ground(node))];
    const [a, b] = both.sort((x, y) => y - x);
    const key = `${colour} on ${ground(node)}`;
    found[key] = (a + 0.05) / (b + 0.05);
  }
  return found;
})()
"""

WIDER_THAN_THE_SCREEN = """
[...document.querySelectorAll('body *')].filter(node => {
  const box = node.getBoundingClientRect();
  return box.right > document.documentElement.clientWidth + 1
    && box.width > 1 && !node.closest('.scroll, pre');
}).map(node => node.outerHTML.slice(0, 80))
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="needs chromium on the path"),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report of the samples, and the pages of a text and of an HTML file."""
    folder = tmp_path_factory.mktemp("pages")
    settings = read_settings(
        {}, raw_dir=ROOT / "raw", warehouse_dir=folder / "warehouse"
    )
    ingest_plainly(settings, reporter=write_report)
    found = {"report": settings.warehouse_dir / REPORT_NAME}
    for name in ("manarat-alwadi/naoura.txt", "tidewick-gazette/harbour-market.html"):
        found[name] = folder / (Path(name).stem + ".html")
        options = ["--raw", str(settings.raw_dir), "--output", str(found[name])]
        options += ["--warehouse", str(settings.warehouse_dir)]
        assert command.main(["explain", name, "--html", *options]) == 0
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser for all tests of this module."""
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(
    "name",
    ["report", "manarat-alwadi/naoura.txt", "tidewick-gazette/harbour-market.html"],
)
def test_a_page_is_fit_to_be_read(browser, pages, tmp_path, name, screen):
    """No error, no request but its own, nothing beside the screen, enough contrast."""
    address, (width, scheme) = pages[name].as_uri(), screen
    browser.open(address, width, scheme=scheme)
    browser.photograph(tmp_path / "page.png")

    assert browser.problems == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [address]
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(WIDER_THAN_THE_SCREEN) == []
    is_dark = browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert is_dark == (scheme == "dark")
    contrasts = browser.evaluate(CONTRASTS)
    assert len(contrasts) > 3
    assert {k: v for k, v in contrasts.items() if v < LEAST_CONTRAST} == {}


@pytest.mark.parametrize("width", [1280, 390])
def test_each_chart_is_shown_once(browser, pages, width):
    """The drawing for the width of the screen is shown, the other is not."""
    browser.open(pages["report"].as_uri(), width)

    shown = browser.evaluate(
        "[...document.querySelectorAll('figure')].map(figure =>"
        " [...figure.querySelectorAll('svg')].filter(svg =>"
        " svg.getBoundingClientRect().height > 50).length)"
    )
    assert shown
    assert set(shown) == {1}


def test_a_click_selects_a_statement(browser, pages):
    """The whole SQL is selected at once, to be copied."""
    browser.open(pages["report"].as_uri(), 1280)
    place = browser.evaluate(
        "(() => { const part = document.querySelector('details.sql'); part.open = true;"
        " const code = part.querySelector('pre');"
        " code.scrollIntoView({block: 'center', behavior: 'instant'});"
        " const box = code.getBoundingClientRect();"
        " return [box.left + 40, box.top + 40]; })()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.send(
            "Input.dispatchMouseEvent",
            type=kind,
            x=place[0],
            y=place[1],
            button="left",
            clickCount=1,
        )

    selected = browser.evaluate("String(getSelection())")
    statement = browser.evaluate(
        "document.querySelector('details.sql code').textContent"
    )
    assert selected.split() == statement.split()
