"""The report in a browser: it plays, it fits on a phone, and nothing complains."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test_experiment import music  # noqa: F401  # the fixture
from test_report import folders, html  # noqa: F401  # the fixtures

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a screen; the tests are skipped where it or its driver is not installed."""
    selenium = pytest.importorskip("selenium", reason="needs selenium, of the extra dev")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver, which are not installed here (Debian: chromium chromium-driver)")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    assert selenium
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "autoplay-policy=no-user-gesture-required",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(browser: Any, html: str, folders: tuple[Path, Path]) -> Any:  # noqa: F811
    assert html
    browser.set_window_size(1100, 900)
    browser.get((folders[0] / "report" / "report.html").as_uri())
    return browser


def test_the_console_is_silent_and_nothing_is_fetched(page: Any) -> None:
    assert page.get_log("browser") == []
    fetched = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith("data:") for name in fetched)


def test_players_play(page: Any) -> None:
    found = page.execute_async_script(
        """
        const done = arguments[0], players = [...document.querySelectorAll("audio")];
        Promise.all(players.map(async player => {
            player.muted = true;
            await player.play();
            for (let looks = 0; looks < 100 && !player.currentTime; looks++)
                await new Promise(after => setTimeout(after, 100));
            return [player.currentTime, player.duration];
        })).then(done, error => done(String(error)));
        """
    )
    assert isinstance(found, list), found
    assert found
    for position, duration in found:
        assert 0 < position <= duration + 0.1
        assert 0.3 <= duration <= 6.5


def test_pictures_are_there_and_have_words(page: Any) -> None:
    found = page.execute_script(
        """return [...document.querySelectorAll("img, svg:not([aria-hidden])")].map(one =>
            [one.getAttribute("alt") || one.getAttribute("aria-label"),
             one.tagName == "IMG" ? one.naturalWidth : one.getBoundingClientRect().width,
             one.closest("details:not([open])") != null || !one.checkVisibility()])"""
    )
    assert len(found) > 10
    for words, width, folded in found:
        assert words
        assert folded or width > 0


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_no_width_makes_the_page_scroll_sideways(page: Any, width: int) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    scroll = page.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    board = page.execute_script(
        """const board = document.querySelector(".board"), more = [...board.querySelectorAll(".rest summary")];
        const seen = row => [...row.cells].filter(one => one.checkVisibility()).length;
        return [board.getBoundingClientRect().right, seen(board.rows[1]), more.some(one => one.checkVisibility()),
            getComputedStyle(board.parentElement).overflowX, document.querySelectorAll(".slope").length,
            [...document.querySelectorAll(".slope")].filter(one => one.checkVisibility()).length]"""
    )
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert scroll[0] <= scroll[1] == width
    right, columns, folded, overflow, *slopes = board
    assert right <= width
    assert overflow == "visible"  # there is no scrollbar of its own
    assert columns == {390: 3, 820: 8, 1280: 13}[width]
    assert folded == (columns < 13)  # what is not in the row can be opened under it
    assert slopes == [2, 1]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two CSS colours rgb(r, g, b)."""

    def luminance(colour: str) -> float:
        values = [int(value) / 255 for value in colour.strip("rgba()").split(",")[:3]]
        red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page: Any, scheme: str) -> None:
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    colours = page.execute_script(
        """const paper = getComputedStyle(document.body).backgroundColor;
        return [paper, ["body", ".soft", "summary", "td", "figcaption"].map(
            name => getComputedStyle(document.querySelector(name)).color)]"""
    )
    paper, inks = colours
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]
    for ink in inks:
        assert contrast(ink, paper) >= 4.5


def test_the_keyboard_reaches_the_skip_link_first(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.find_element("tag name", "body").send_keys(Keys.TAB)
    focused = page.switch_to.active_element
    assert focused.get_attribute("class") == "skip"
    assert focused.rect["x"] >= 0


def test_markup_that_slipped_through_would_do_nothing(browser: Any, html: str, tmp_path: Path) -> None:  # noqa: F811
    hostile = (
        '<script>document.title = "run"</script><img src="x" onerror="document.title = 1">'
        '<img src="http://127.0.0.1:9/x"><h1 id="bad" style="color: rgb(1, 2, 3)">x</h1>'
    )
    (tmp_path / "report.html").write_text(html.replace("</main>", f"{hostile}</main>"), encoding="utf-8")
    browser.get((tmp_path / "report.html").as_uri())
    assert browser.title.startswith("tonearm")
    colour = browser.execute_script("return getComputedStyle(document.getElementById('bad')).color")
    assert colour != "rgb(1, 2, 3)"
    said = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert said.count("Content Security Policy") >= 4
