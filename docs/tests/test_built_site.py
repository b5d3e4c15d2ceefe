"""The built site, read as files: every link leads somewhere and every name has its page."""

import inspect
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import sksoftmax
from sksoftmax import metrics

EXAMPLES = sorted(path.stem for path in (Path(__file__).parents[2] / "examples").glob("plot_*.py"))
NAMES = [
    *(f"sksoftmax.{name}" for name in sksoftmax.__all__),
    *(f"sksoftmax.metrics.{name}" for name in metrics.__all__),
]
# A page's own machinery, which no link of a text leads to.
SERVICE = {"genindex.html", "search.html", "py-modindex.html"}


class Page(HTMLParser):
    """Anchors, links and resources of a page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.resources, self.text = {""}, [], [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.update(attributes.get(key) for key in ("id", "name"))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in ("script", "img", "iframe", "source") and attributes.get("src"):
            self.resources.append(attributes["src"])
        if tag == "link" and attributes.get("rel") in ("stylesheet", "icon", "preload"):
            self.resources.append(attributes["href"])

    def handle_data(self, data):
        self.text.append(data)


@cache
def read(path):
    return Page(path)


def target(path, link):
    """The file that a link of a page leads to, and its anchor; None if it leaves the site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return file, unquote(parts.fragment)


def page_of(site, name):
    return next(
        path
        for path in (site / "generated").glob("*.html")
        if path.stem in (name, f"{name}-class") and f'id="{name}"' in path.read_text("utf-8")
    )


def test_links_lead_to_files_and_anchors(site, page):
    path = (site / page).resolve()
    for link in read(path).links:
        if found := target(path, link):
            file, anchor = found
            assert file.exists(), link
            if file.suffix == ".html":
                assert anchor in read(file).anchors, link


def test_resources_are_local_and_exist(site, page):
    path = (site / page).resolve()
    for link in read(path).resources:
        if not link.startswith("data:"):
            found = target(path, link)
            assert found and found[0].exists(), link


def test_every_page_is_reached_from_the_home_page(site):
    home = (site / "index.html").resolve()
    reached, waiting = {home}, [home]
    while waiting:
        path = waiting.pop()
        for link in read(path).links:
            found = target(path, link)
            if found and found[0].suffix == ".html" and found[0] not in reached:
                reached.add(found[0])
                waiting.append(found[0])
    pages = {path.resolve() for path in site.rglob("*.html") if "_static" not in path.parts}
    assert {path.name for path in pages - reached} <= SERVICE


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_a_page_that_explains_it(site, name):
    module, last = name.rsplit(".", 1)
    thing = getattr(metrics if module.endswith("metrics") else sksoftmax, last)
    page = read(page_of(site, name))
    text = "".join(page.text)
    if inspect.isclass(thing):
        methods = [
            m for m, value in vars(thing).items() if not m.startswith("_") and callable(value)
        ]
        assert {f"{name}.{method}" for method in methods} <= page.anchors
    if "Examples\n" in inspect.getdoc(thing):
        assert ">>> " in text
    for section in ("Parameters", "Attributes", "Returns"):
        if f"{section}\n---" in inspect.getdoc(thing):
            assert section in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_in_the_gallery_with_a_figure(site, example):
    page = read(site / "auto_examples" / f"{example}.html")
    assert any(f"sphx_glr_{example}_001" in link for link in page.resources)
    assert f"{example}.html" in {link.split("#")[0] for link in index(site).links}


def index(site):
    return read(site / "auto_examples" / "index.html")


@pytest.mark.parametrize("name", ["SoftmaxRegression", "SoftmaxCalibratedClassifier", "softmax"])
def test_pages_of_names_link_to_the_examples_that_use_them(site, name):
    links = read(page_of(site, f"sksoftmax.{name}")).links
    assert any("auto_examples/plot_" in link for link in links)
