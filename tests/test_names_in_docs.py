"""Files and names of the package that the documents mention in backticks exist."""

import importlib
import re
from functools import cache
from pathlib import Path

import pytest

import sksoftmax

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
# What a newcomer is told to write: "docs/NAME.md".
PLACEHOLDER = re.compile(r"(^|[/_])(NAME|name)\.\w+$")
# Names that no version has any more are history.
HISTORY = {"CHANGELOG.md"}


def in_backticks(path):
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {code for code in re.findall(r"`([^`\n]+)`", text) if "*" not in code}


def files(path):
    """Files and folders of the repository that are named, such as ``_paths/fits.py``."""
    for code in in_backticks(path):
        if not PLACEHOLDER.search(code) and re.fullmatch(
            r"[\w.-]+(/[\w.-]+)*(\.py|\.md|/)|_\w+(/\w+)+", code
        ):
            yield code


def names(path):
    """Dotted names of the package: ``sksoftmax.metrics.reliability``."""
    for code in in_backticks(path):
        if match := re.match(r"sksoftmax(\.[A-Za-z_]\w*)+", code):
            yield match[0]


@cache
def tree():
    ours = ("sksoftmax", "tests", "docs", "examples", "benchmarks", ".ci", ".github")
    found = [path for folder in ours for path in (ROOT / folder).rglob("*")]
    return [*found, *ROOT.iterdir(), *(ROOT / folder for folder in ours)]


def is_file(name):
    ending = "/" + name.rstrip("/")
    return any(f"/{path.relative_to(ROOT).as_posix()}".endswith(ending) for path in tree())


def is_name(name):
    thing = sksoftmax
    for part in name.split(".")[1:]:
        if not hasattr(thing, part):
            try:
                importlib.import_module(f"{thing.__name__}.{part}")
            except (AttributeError, ImportError):
                return part.endswith("_")  # a fitted attribute
        thing = getattr(thing, part)
    return True


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_are_named_exist(path):
    if path.name not in HISTORY:
        assert [name for name in files(path) if not is_file(name)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_names_of_the_package_exist(path):
    if path.name not in HISTORY:
        assert [name for name in names(path) if not is_name(name)] == []


def test_architecture_names_files_and_pages_name_the_package():
    architecture = ROOT / "docs" / "architecture.md"
    assert len(list(files(architecture))) > 30
    assert sum(len(list(names(path))) for path in PAGES) > 2
    assert not is_file("_solvers/name.py") and not is_name("sksoftmax.Softmax")
