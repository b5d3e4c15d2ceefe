"""The built site, for tests that read it: ``pytest docs/tests --site OUT``."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "python -m sphinx -W -b html docs docs/_build/html"


def pytest_addoption(parser):
    parser.addoption(
        "--site", default=str(ROOT / "docs" / "_build" / "html"), help="the site built"
    )


def folder(config):
    path = Path(config.getoption("--site"))
    if not (path / "index.html").exists():
        raise pytest.UsageError(f"there is no site in {path}; build it first: {BUILD}")
    return path


def pytest_generate_tests(metafunc):
    if "page" in metafunc.fixturenames:
        site = folder(metafunc.config)
        pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
        # Parts that the theme loads, not pages.
        metafunc.parametrize("page", [page for page in pages if not page.startswith("_static/")])


@pytest.fixture(scope="session")
def site(pytestconfig):
    return folder(pytestconfig)
