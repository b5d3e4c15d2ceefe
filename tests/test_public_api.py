"""What the package promises by name, and that it is explained."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sksoftmax
from sksoftmax import metrics

PUBLIC = pytest.mark.parametrize("name", sksoftmax.__all__)
CLASSES = [n for n in sksoftmax.__all__ if inspect.isclass(getattr(sksoftmax, n))]
SECTION = re.compile(r"^ *([A-Z][A-Za-z ]+)\n *-{3,}$", re.MULTILINE)
HEAVY = ("dask", "torch", "matplotlib", "pandas", "polars", "array_api_strict", "hypothesis")


def documented(thing):
    """Sections of a docstring, by their titles."""
    text = inspect.getdoc(thing)
    pieces = SECTION.split(text)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def named_in(section):
    names = re.findall(r"^ *([\w, *]+?)(?: :.*)?$", section, re.MULTILINE)
    return {name.strip(" *") for line in names for name in line.split(",")}


def parameters(function):
    return [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]


def public_methods(cls):
    for name, method in vars(cls).items():
        if not name.startswith("_") and inspect.isfunction(method):
            yield name, method


def test_all_is_sorted_and_holds_every_public_name():
    assert list(sksoftmax.__all__) == sorted(sksoftmax.__all__)
    public = {
        name for name, value in vars(sksoftmax).items()
        if not (name.startswith("_") or inspect.ismodule(value))
    }  # fmt: skip
    assert public == set(sksoftmax.__all__)


@PUBLIC
def test_public_names_live_where_they_say(name):
    thing = getattr(sksoftmax, name)
    assert thing.__qualname__ == name and thing.__module__ == "sksoftmax"


def test_public_names_of_metrics_live_there():
    for name in metrics.__all__:
        assert getattr(metrics, name).__module__ == "sksoftmax.metrics"


def test_the_reference_of_the_site_lists_every_public_name():
    reference = (Path(__file__).parents[1] / "docs" / "api.rst").read_text("utf-8")
    listed = re.findall(r"^   (\w+)$", reference, re.MULTILINE)
    assert sorted(listed) == sorted([*sksoftmax.__all__, *metrics.__all__])


@PUBLIC
def test_public_names_are_explained_with_an_example_that_runs(name):
    thing = getattr(sksoftmax, name)
    text, sections = inspect.getdoc(thing), documented(thing)
    assert text.splitlines()[0].endswith(".")
    assert "Parameters" in sections
    assert ">>> from sksoftmax import" in sections["Examples"]
    if not inspect.isclass(thing) and inspect.signature(thing).return_annotation is not None:
        assert "Returns" in sections


@PUBLIC
def test_every_parameter_is_explained(name):
    thing = getattr(sksoftmax, name)
    missing = set(parameters(thing)) - named_in(documented(thing)["Parameters"])
    assert not missing


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_are_documented_as_they_are(name):
    cls = getattr(sksoftmax, name)
    text = documented(cls)["Parameters"]
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.default is parameter.empty:
            continue
        line = re.search(rf"^ *{parameter.name} :(.*(?:\n +.*)?)", text, re.MULTILINE).group(1)
        default = re.search(r"default=(\S+)", line)
        assert default, parameter.name
        written = ast.literal_eval(default.group(1).rstrip(".,;"))
        assert written == parameter.default, parameter.name


@pytest.mark.parametrize("name", CLASSES)
def test_methods_are_explained(name):
    for method_name, method in public_methods(getattr(sksoftmax, name)):
        assert inspect.getdoc(method), method_name
        wanted = [p for p in parameters(method) if p not in ("X", "y", "scores")]
        sections = documented(method)
        if parameters(method) and "Parameters" in sections:
            assert set(wanted) <= named_in(sections["Parameters"]), method_name
        if method_name.startswith(("predict", "transform", "decision")):
            assert "Returns" in sections, method_name


@pytest.mark.parametrize("name", CLASSES)
def test_parameters_after_the_first_are_named(name):
    kinds = [p.kind for p in inspect.signature(getattr(sksoftmax, name)).parameters.values()]
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for kind in kinds[2:])


def test_the_version_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", sksoftmax.__version__)


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys; from sksoftmax import *; print([m for m in {HEAVY!r} if m in sys.modules])"
    # scikit-learn itself may bring some: only what comes on top of it counts.
    base = "import sys, sklearn.linear_model, sklearn.model_selection, sklearn.frozen, "
    base += f"sklearn.pipeline; print([m for m in {HEAVY!r} if m in sys.modules])"
    found, without = (
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for program in (code, base)
    )
    assert found == without
    assert "torch" not in found and "matplotlib" not in found and "dask" not in found


def test_a_name_is_listed_before_its_file_is_loaded_and_loads_nothing_that_it_does_not_need():
    program = (
        "import sys, sksoftmax; assert 'SoftmaxRegression' in dir(sksoftmax);"
        "from sksoftmax import softmax; assert softmax([0, 0]).tolist() == [.5, .5];"
        "print([m for m in ('sklearn', 'sksoftmax._linear_model') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_type_checkers_are_told_the_files_that_are_loaded():
    tree = ast.parse(Path(sksoftmax.__file__).read_text("utf-8"))
    imports = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "sksoftmax._version"
    ]  # fmt: skip
    told = {alias.name: node.module for node in imports for alias in node.names}
    assert told == {name: f"sksoftmax.{file}" for name, file in sksoftmax._FILES.items()}


def test_what_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'SoftmaxRegresion'"):
        sksoftmax.SoftmaxRegresion  # noqa: B018
    assert sksoftmax.metrics is metrics
