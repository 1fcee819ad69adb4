"""The report opened in headless Chromium, offline.

Needs Debian's chromium and chromium-driver and the extra `browser`: `pytest -m browser`. With
ALEXNET_TEST_SCREENSHOTS=DIR the screenshots are saved there.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.report import drawings
from harness.report.answer import answer
from harness.report.pages import html
from harness.runs.store import FILE
from harness.verdict import study
from tests.helpers.browser import SCREENS, Browser
from tests.helpers.paths import ROOT
from tests.helpers.results_folders import write_grid, write_troubled_grid

pytestmark = pytest.mark.browser

# Text with its colour and the first opaque colour behind it, for everything that is shown.
TEXTS = """
const seen = [];
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !node.checkVisibility() || node.closest("script")) continue;
  let behind = node;
  let ground = [0, 0, 0, 0];
  while (behind && (ground.length === 4 && ground[3] === 0)) {
    ground = rgb(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  }
  seen.push([node.textContent.trim().slice(0, 40), rgb(getComputedStyle(node).color), ground]);
}
return seen;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the extra `browser`")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no chromium or no chromedriver here (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        chromium = Browser(started)
        chromium.do("Network.enable")
        chromium.do(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )
        yield chromium
    finally:
        started.quit()


# The page of the committed records is one of them as soon as there are any.
PAGES = ["verdict", "trouble", *(["committed"] if any((ROOT / "results").rglob(FILE)) else [])]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The committed results, a grid with a verdict, and one in which much is wrong."""
    folder = tmp_path_factory.mktemp("pages")
    write_grid(folder / "verdict", 6)
    write_troubled_grid(folder / "trouble")
    paths = {}
    for name in PAGES:
        loaded = study.load_study(ROOT / "results" if name == "committed" else folder / name)
        paths[name] = folder / f"{name}.html"
        paths[name].write_bytes(html.page(loaded, drawings.draw(loaded)))
    return paths


@pytest.mark.parametrize("name", PAGES)
def test_opens_offline_without_an_error_or_a_request(
    name: str, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.requests()
    browser.open(pages[name])
    requested = [url for url in browser.requests() if not url.startswith("data:")]
    assert requested == [pages[name].as_uri()]
    assert browser.driver.get_log("browser") == []
    widths = browser.run("return [...document.images].map((image) => image.naturalWidth)")
    assert len(widths) > 5
    assert min(widths) > 100, "every figure can be read as SVG"


def accessible(browser: Browser) -> list[tuple[str, str, int]]:
    """Role, name and level of each node of the page as assistive technology sees it."""
    nodes = [n for n in browser.do("Accessibility.getFullAXTree")["nodes"] if not n["ignored"]]
    levels = [
        [p["value"]["value"] for p in node.get("properties", []) if p["name"] == "level"]
        for node in nodes
    ]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""), level[0] if level else 0)
        for node, level in zip(nodes, levels, strict=True)
    ]


@pytest.mark.parametrize("name", PAGES)
def test_what_assistive_technology_reads_has_names_and_an_order(
    name: str, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages[name])
    nodes = accessible(browser)
    landmarks = [text for role, text, _ in nodes if role in ("region", "navigation")]
    assert len(landmarks) > 6
    assert "" not in landmarks
    assert sorted(set(landmarks)) == sorted(landmarks)
    images = [text for role, text, _ in nodes if role == "image"]
    assert len(images) > 5
    assert "" not in images
    # In the order of the document, which the accessibility tree does not keep.
    levels = browser.run(
        "return [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((h) => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_holds_the_answer(
    scheme: str, screen: str, name: str, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages[name], screen=screen, scheme=scheme)
    image = browser.screenshot(f"{name}-{screen}-{scheme}")
    height = SCREENS[screen][1]
    bottoms = browser.run(
        "return [...document.querySelectorAll("
        "'header .verdict, header .sentence, header .contributions > li, header .facts > div')]"
        ".slice(0, 4).map((e) => e.getBoundingClientRect().bottom)"
    )
    assert len(bottoms) == 4, "the outcome, the answer, and what follows"
    assert max(bottoms) <= height
    # Nothing sticks out to the right: only tables scroll, each in its own box.
    assert browser.run("return document.documentElement.scrollWidth") <= SCREENS[screen][0]
    # Figures, on white cards in both schemes, are to the right or further down: on a page with
    # few records the first of them may begin on the first screen.
    text = image.crop((0, 0, SCREENS[screen][0] // 3, int(max(bottoms))))
    brightness = np.asarray(text.convert("L")).mean()
    assert brightness > 200 if scheme == "light" else brightness < 60


def luminance(colour: list[float]) -> float:
    """Relative luminance of an opaque [r, g, b], 0 to 255 each (WCAG 2.2)."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (part / 255 for part in colour[:3])
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_on_white_in_either_scheme(
    scheme: str, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["verdict"], scheme=scheme)
    left, top, width, height = browser.run(
        "const figure = document.querySelector('img.chart');"
        "figure.scrollIntoView({block: 'center'});"
        "const box = figure.getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    box = (int(left) + 8, int(top) + 8, int(left + width) - 8, int(top + height) - 8)
    pixels = np.asarray(browser.screenshot(f"figure-{scheme}").crop(box).convert("L"))
    assert np.median(pixels) == 255
    assert pixels.min() < 100, "its text is dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(scheme: str, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["trouble"], scheme=scheme)
    seen = browser.run(TEXTS)
    assert len(seen) > 300
    for text, colour, ground in seen:
        dark, light = sorted((luminance(colour), luminance(ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, colour, ground)


def column(browser: Browser, header: str) -> list[str]:
    """Texts of a column of the first sortable table."""
    return list(
        browser.run(
            "const t = document.querySelector('table[data-sortable]');"
            "const i = [...t.tHead.rows[0].cells].findIndex("
            f"(c) => c.textContent === {json.dumps(header)});"
            "return [...t.tBodies[0].rows].map((r) => r.cells[i].textContent)"
        )
    )


def test_tables_sort_up_down_and_back(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["verdict"])
    before = column(browser, "F1, %")
    numbers = sorted(before, key=float)
    assert numbers != before
    (button,) = (
        b
        for b in browser.driver.find_elements("css selector", "thead button")[:20]
        if b.text == "F1, %"
    )
    states = []
    for expected in (numbers, numbers[::-1], before):
        button.send_keys("\n")  # as with the keyboard
        assert column(browser, "F1, %") == expected
        states.append(button.find_element("xpath", "..").get_attribute("aria-sort"))
    assert states == ["ascending", "descending", "none"]


def test_what_has_no_figure_stays_last(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["verdict"])
    buttons = browser.driver.find_elements("css selector", "thead button")
    button = next(b for b in buttons if b.text == "detects")
    for _ in range(2):
        button.send_keys("\n")
        cells = column(browser, "detects")
        missing = [i for i, cell in enumerate(cells) if cell == "-"]
        assert missing == list(range(len(cells) - 3, len(cells)))  # paper and the reported two


def test_it_is_all_there_without_scripts(browser: Browser, pages: dict[str, Path]) -> None:
    browser.do("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["verdict"])
        text = browser.driver.find_element("css selector", "body").text
    finally:
        browser.do("Emulation.setScriptExecutionDisabled", value=False)
    assert answer(study.load_study(pages["verdict"].parent / "verdict")).sentence in text
    assert "no_augmentation" in text


def test_it_prints_dark_on_white(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["verdict"], scheme="dark")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.do("Emulation.setEmulatedMedia", media="print", features=dark)
    assert np.asarray(browser.screenshot("print").convert("L")).mean() > 200
    document = base64.b64decode(browser.do("Page.printToPDF")["data"])
    assert document.startswith(b"%PDF")


def test_the_policy_stops_what_is_not_the_pages_own(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.html"
    inserted = (
        b'<script>document.title = "run"</script><img src="https://example.org/a.png"></body>'
    )
    bad.write_bytes(pages["verdict"].read_bytes().replace(b"</body>", inserted))
    browser.open(bad)
    assert browser.driver.title != "run"
    messages = " ".join(entry["message"] for entry in browser.driver.get_log("browser"))
    assert messages.count("Content Security Policy") >= 2
