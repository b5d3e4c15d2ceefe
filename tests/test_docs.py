"""The documents: their Python runs and prints what they say, and their links lead somewhere."""

import doctest
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
NEEDS = {"distributed.md": "dask", "inference.md": "pandas"}
PAGES = sorted(ROOT.glob("*.md")) + DOCS


def name(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_examples_print_what_is_shown(path):
    # README.md is pytest's own, by --doctest-glob.
    if path.name in NEEDS and find_spec(NEEDS[path.name]) is None:
        pytest.skip(f"the page needs {NEEDS[path.name]}, which is not installed")
    failed, _ = doctest.testfile(
        str(path),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
        encoding="utf-8",
    )
    assert failed == 0


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_python_is_written_so_that_it_is_tested(path):
    for block in re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8"), re.M | re.S):
        assert block.startswith(">>> "), block
        assert block.endswith("\n\n"), f"doctest needs an empty line before the fence:\n{block}"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_to_files(path):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    for link in links:
        if "://" not in link:
            assert (path.parent / link).exists(), link


def test_a_new_page_of_benchmarks_keeps_what_is_written_by_hand(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import report

    sys.modules.pop("report")
    parts = {"fits": SimpleNamespace(TITLE="Time to the optimum", markdown=str)}
    stored = {"findings": "new figures", "conditions": report.conditions("run", False)}
    monkeypatch.setattr(report, "load", lambda name, quick: stored)
    last = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    text = report.page(parts, False, None, last)
    by_hand = last[last.index("## Streams") :].rstrip()
    assert by_hand in text and text.count("new figures") == 1
    assert text.count("## Time to the optimum") == text.count("## Method") == 1
    assert report.page(parts, False, None, text) == text
