"""The built site in a browser: no console errors, search, copy buttons, phones, dark mode.

Needs Chromium and its driver: ``apt-get install chromium chromium-driver``.
"""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PHONE, DESK = (390, 844), (1280, 900)
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-default-apps", "--disable-extensions", "--disable-sync", "--hide-scrollbars"),
)
# Images below the fold are loaded when they are scrolled to; here at once.
BROKEN_IMAGES = """
const done = arguments[0];
Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().then(() => null, () => image.currentSrc || image.src);
})).then(found => done(found.filter(source => source)));
"""
# What scrolls sideways or cuts off its text, but for blocks that may scroll by themselves, and the
# last link of the path above a page, which ends in an ellipsis.
TOO_WIDE = """
const tables = ".pst-scrollable-table-container";
const blocks = `pre, div.math, ${tables}, dialog, .bd-sidebar, .ellipsis`;
const found = [document.documentElement, ...document.querySelectorAll("body, body *")].filter(e =>
    e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && !e.closest(blocks)
    && e.checkVisibility({visibilityProperty: true})
    && (e === document.documentElement || getComputedStyle(e).overflowX !== "visible"));
return found.map(e => `${e.tagName}.${e.className}: ${e.scrollWidth} in ${e.clientWidth}`);
"""
CONTRAST = """
const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const page = light(getComputedStyle(document.body).backgroundColor);
return [...document.querySelectorAll("article h1, article p, article td")]
    .map(e => light(getComputedStyle(e).color) - page);
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(site):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    for name, program in programs.items():
        assert program, f"{name} is not installed: apt-get install chromium chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs["chromedriver"]))
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


def show(browser, size):
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def wait(browser, condition):
    return WebDriverWait(browser, 20, poll_frequency=0.05).until(condition)


def test_page_loads_fits_a_phone_and_shows_its_images(browser, address, page):
    show(browser, PHONE)
    browser.get(address + page)
    assert browser.execute_async_script(BROKEN_IMAGES) == []
    assert browser.execute_script(TOO_WIDE) == []
    show(browser, DESK)
    assert browser.execute_script(TOO_WIDE) == []
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def test_search_finds_the_page_of_a_name(browser, address):
    show(browser, DESK)
    browser.get(address + "index.html")
    browser.find_element(
        By.CSS_SELECTOR, "button.search-button-field, button.search-button"
    ).click()
    field = wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, "dialog[open] input[name=q]"))
    field.send_keys("SoftmaxRegression", Keys.ENTER)
    wanted = "#search-results a[href*='generated/sksoftmax.SoftmaxRegression.html']"
    assert wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, wanted))


def test_the_copy_button_copies_code_without_prompts(browser, address):
    show(browser, DESK)
    browser.get(address + "getting-started.html")
    browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"origin": address, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    button = wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".highlight-python .copybtn"))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, e => done(`${e}`))"
    wait(browser, lambda b: "success" in button.get_attribute("class"))
    copied = browser.execute_async_script(read)
    assert copied.startswith("from sklearn.datasets import load_digits\n")
    assert "model = SoftmaxRegression(C=0.01).fit(X_train, y_train)" in copied
    assert ">>>" not in copied and "0.96" not in copied


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "classify", "generated/sksoftmax.SoftmaxRegression"])
def test_text_stands_out_in_both_modes(browser, address, name, mode):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": mode}]},
    )
    browser.get(f"{address}{name}.html")
    assert browser.execute_script("return document.documentElement.dataset.theme") == mode
    contrasts = browser.execute_script(CONTRAST)
    assert contrasts and min(abs(contrast) for contrast in contrasts) > 100
    assert all((contrast > 0) == (mode == "dark") for contrast in contrasts)
