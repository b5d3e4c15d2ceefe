"""The documents: their Python runs and prints what they say, and their links lead somewhere."""

import doctest
import re
import sys
import tomllib
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
            # The pages of the gallery are made from the examples.
            file = re.sub(r"^auto_examples/(plot_\w+)\.rst$", r"../examples/\1.py", link)
            file = "../examples/GALLERY_HEADER.rst" if link == "auto_examples/index.rst" else file
            assert (path.parent / file).exists(), link


def test_every_page_is_in_a_table_of_contents():
    trees = re.compile(r"^```\{toctree\}\n(.*?)^```|^\.\. toctree::\n((?:\n| +.*\n)+)", re.M | re.S)
    listed = set()
    for path in [*DOCS, *(ROOT / "docs").glob("*.rst")]:
        for tree in trees.finditer(path.read_text("utf-8")):
            listed.update((tree[1] or tree[2]).split())
    assert {path.stem for path in DOCS} - {"index"} <= listed, "add the page to a toctree"


def test_badges_of_the_readme_are_true():
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    readme = (ROOT / "README.md").read_text("utf-8")
    versions = [c.split()[-1] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert f"![Python {', '.join(versions)}]" in readme
    assert f"/python-{'%20%7C%20'.join(versions)}-blue" in readme
    (floor,) = (need for need in project["dependencies"] if need.startswith("scikit-learn"))
    assert f"/{floor.replace('-', '--').replace('>=', '-%3E%3D')}-orange" in readme
    assert f"/licence-{project['license'].replace('-', '--')}-green" in readme
    assert len(readme.splitlines()) < 120


def test_the_figure_of_the_readme_shows_the_table_of_the_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import readme_figure

    rows = readme_figure.table((ROOT / "docs" / "benchmarks.md").read_text("utf-8"))
    drawn = (ROOT / "docs" / "_static" / "time-to-optimum.svg").read_text("utf-8")
    assert len(rows) == 18
    for row in rows:
        ratio = row[readme_figure.RATIO].replace(">", "&gt;")
        assert f"<!-- {row['problem']} -->" in drawn and f"<!-- {ratio}x -->" in drawn


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
