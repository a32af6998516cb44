"""The page in a browser: drop, hear, correct, learn anew; by keyboard, on a phone, in the dark; nothing complains."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="needs the extra ui")

from test_report_browser import browser, contrast  # noqa: F401  # the fixture
from web_client import Page

pytestmark = pytest.mark.browser
SECONDS = 60


@pytest.fixture
def place(web_folder: Path) -> Path:
    return web_folder


@pytest.fixture
def at(browser: Any, web_page: Page) -> Iterator[Any]:  # noqa: F811
    """Opens an address of the page; after the test nothing has complained, and nothing came from elsewhere."""
    browser.get_log("browser")
    addresses: list[str] = []

    def open_at(path: str, width: int = 1100, scheme: str = "light") -> Any:
        sizes = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(web_page.address + path)
        addresses.append(web_page.address)
        return browser

    yield open_at
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert fetched or "/report/" in browser.current_url  # which holds everything
    assert all(name.startswith((web_page.address, f"blob:{web_page.address}")) for name in fetched)
    assert browser.get_log("browser") == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def until(condition: Any) -> Any:
    """Wait for what the page does."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(None, SECONDS, poll_frequency=0.05).until(lambda _: condition())


def every(one: Any, selector: str) -> list[Any]:
    return list(one.find_elements("css selector", selector))


def text_of(one: Any, selector: str) -> str:
    return str(one.find_element("css selector", selector).text)


DROP = """
const data = new DataTransfer();
for (const file of document.getElementById("files").files) data.items.add(file);
document.getElementById("files").value = "";
const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
document.getElementById("drop").dispatchEvent(event);
"""


def dropped(one: Any, *paths: Path) -> None:
    """Drop files on the page, as a person does."""
    one.execute_script("document.getElementById('files').onchange = () => {}")
    one.find_element("id", "files").send_keys("\n".join(map(str, paths)))
    one.execute_script(DROP)


def test_a_dropped_file_gets_its_label_its_picture_and_its_neighbours(at: Any, place: Path) -> None:
    one = at("")
    dropped(one, place / "a song.wav", place / "broken.mp3")
    until(lambda: text_of(one, "#summary") == "2 files, 1 unsure, 1 cannot be used")
    assert text_of(one, ".answer b") == "treble"
    assert "cannot be decoded" in text_of(one, ".error")
    every(one, ".opens")[0].click()
    until(lambda: len(every(one, ".near li")) == 3)
    picture = "return document.querySelector('.time img').naturalWidth"
    until(lambda: one.execute_script(picture) == 900)
    until(lambda: every(one, ".strip rect"))
    assert "treble" in text_of(one, ".segments")
    assert every(one, ".bars dt")[0].text == "treble"
    # the sound, by the keyboard: the line moves with it
    time = one.find_element("css selector", ".time")
    time.send_keys(" ")
    until(lambda: time.get_attribute("aria-valuetext").startswith("0:00 of 0:00, treble"))
    time.send_keys(" ")
    time.send_keys("\ue010")  # End
    until(lambda: one.execute_script("return parseFloat(document.querySelector('.head-line').style.left)") == 100.0)
    near = every(one, ".near .play")[0]
    assert near.get_attribute("aria-label").startswith("Play treble/")
    near.click()
    until(lambda: near.get_attribute("aria-label").startswith(("Pause", "Play")))


def test_two_models_stand_side_by_side(at: Any) -> None:
    one = at("")
    one.find_element("id", "path").send_keys("bass")
    one.find_element("css selector", "#path-form button").click()
    until(lambda: text_of(one, "#summary").startswith("12 files") and "done" not in text_of(one, "#summary"))
    second = every(one, "#other option")[1]
    second.click()
    until(lambda: len(every(one, ".answer")) == 24)
    assert {each.text for each in every(one, ".answer .of")} == {each.text for each in every(one, "#model option")}


def test_a_corrected_label_is_learned_anew(at: Any, place: Path) -> None:
    one = at("")
    dropped(one, place / "a song.wav")
    until(lambda: every(one, ".correct input"))
    until(lambda: every(one, ".strip rect"))
    one.find_element("css selector", ".correct input").send_keys("whistle\n")
    until(lambda: "1 correction; learn anew" in text_of(one, ".kept-words"))
    one.find_element("css selector", ".kept-words a").click()
    until(lambda: every(one, "#rows tr"))
    assert [cell.text for cell in every(one, "#rows td")][1:3] == ["treble", "whistle"]
    # a label of one clip cannot be learned; one of a clip that is there can
    every(one, "#rows button")[0].click()
    until(lambda: not every(one, "#rows tr"))
    at("map")
    until(lambda: every(one, "#clips li"))
    one.find_element("id", "filter").send_keys("bass/00")
    until(lambda: len(every(one, "#clips li")) == 1)
    every(one, "#clips button")[0].click()
    until(lambda: every(one, "#clip .correct input"))
    one.find_element("css selector", "#clip .correct input").send_keys("middle\n")
    until(lambda: "1 correction; learn anew" in text_of(one, ".kept-words"))
    at("corrections")
    until(lambda: text_of(one, "#start") == "1 correction; learn anew")
    one.find_element("id", "start").click()
    until(lambda: one.find_element("id", "stop").is_displayed())
    one.find_element("id", "stop").click()
    until(lambda: text_of(one, "#state").startswith("Stopped; what is finished is kept"))
    assert text_of(one, "#start") == "1 correction; go on"
    one.find_element("id", "start").click()
    until(lambda: every(one, "#boards tbody tr") or "failed" in text_of(one, "#state"))
    assert text_of(one, "#state") == "Learned. The models are in the list of models now."
    assert len(every(one, "#boards tbody tr")) == 1
    until(lambda: any("trained corrected" in each.text for each in every(one, "#model option")))
    kept = (place / "trained-corrections" / "metadata.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in kept[1:]] == [["bass/00.wav", "middle", "bass"]]


def test_dots_are_selected_by_a_lasso_and_by_the_keyboard(at: Any) -> None:
    from selenium.webdriver import ActionChains

    one = at("map")
    until(lambda: every(one, "#clips li"))
    assert "the axes mean nothing" in text_of(one, "main")
    all_clips = int(text_of(one, "#found").split()[0])
    size = one.find_element("id", "map").size
    wide, high = size["width"] - 4, size["height"] - 4
    hand = ActionChains(one, duration=10)
    hand.move_to_element_with_offset(one.find_element("id", "map"), -wide // 2, 0).click_and_hold()
    for step in ((0, -high // 2), (wide, 0), (0, high), (-wide, 0)):
        hand.move_by_offset(*step)
    hand.release().perform()
    until(lambda: text_of(one, "#chosen") == f"{all_clips} clips")
    one.find_element("id", "none").send_keys("\n")
    assert text_of(one, "#chosen") == "0 clips"
    every(one, "#clips input")[2].send_keys(" ")
    assert text_of(one, "#chosen") == "1 clip"
    every(one, "#legend button")[0].send_keys("\n")
    assert every(one, "#legend button")[0].get_attribute("aria-pressed") == "true"
    assert one.find_element("id", "save").is_enabled()


def test_results_lead_to_the_report_which_may_do_nothing(at: Any) -> None:
    one = at("results")
    until(lambda: every(one, "section table"))
    assert {each.text for each in every(one, "tbody th")} == {"logistic", "svm"}
    link = next(each for each in every(one, "section a") if each.text == "Read its report")
    link.click()
    until(lambda: one.title.startswith("tonearm: trained"))
    assert one.execute_script("return getComputedStyle(document.body).maxWidth") == "1216px"  # its style holds
    assert one.execute_script("return window.origin") == "null"


@pytest.mark.parametrize("path", ["", "map", "corrections", "results"])
def test_no_page_scrolls_sideways_on_a_phone(at: Any, path: str) -> None:
    one = at(path, width=390)
    until(lambda: one.execute_script("return document.readyState") == "complete")
    if path == "":
        one.find_element("id", "path").send_keys("treble")
        one.find_element("css selector", "#path-form button").click()
        until(lambda: len(every(one, ".opens")) == 12)
        every(one, ".opens")[0].click()
        until(lambda: every(one, ".strip rect"))
    if path == "map":
        until(lambda: every(one, "#clips li"))
    assert one.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [390, 390]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_and_everything_has_a_name(at: Any, scheme: str) -> None:
    one = at("", scheme=scheme)
    one.find_element("tag name", "body").send_keys("\ue004")  # Tab
    assert one.switch_to.active_element.get_attribute("class") == "skip"
    one.find_element("id", "path").send_keys("middle/00.wav\n")
    until(lambda: every(one, ".strip rect"))
    paper = one.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]
    script = "return arguments[0].map(name => getComputedStyle(document.querySelector(name)).color)"
    shown = ["h1", ".soft", ".file-name", ".number", "nav a:not([aria-current])", ".time-words", ".kept-words"]
    for ink in one.execute_script(script, shown):
        assert contrast(ink, paper) >= 4.5
    main = one.execute_script(
        "const look = getComputedStyle(document.querySelector('.main-button'));"
        "return [look.color, look.backgroundColor]"
    )
    assert contrast(*main) >= 4.5
    nameless = one.execute_script(
        """return [...document.querySelectorAll("button, select, input, a, [role], img, canvas")].filter(one =>
            !(one.textContent.trim() || one.getAttribute("aria-label") || one.alt || one.labels?.length ||
              one.getAttribute("role") == "status")).map(one => one.outerHTML)"""
    )
    assert nameless == []
