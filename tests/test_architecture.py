"""The layers: imports point down only, and files and functions stay small.

A new file is one line in LAYERS.
"""

import ast
import sys
from pathlib import Path

import pytest

import sksoftmax

PACKAGE = Path(sksoftmax.__file__).parent
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FILE = pytest.mark.parametrize("name", FILES)
LAYERS = {
    "kernels": 0,
    "functions": 0,
    "functions_array_api": 0,
    "functions_checks": 0,
    "functions_numpy": 0,
    "threads": 0,
    "bins": 1,
    "maps": 1,
    "moments": 1,
    "factors": 1,
    "grams": 1,
    "penalties": 1,
    "scaling_maps": 1,
    "score_steps": 1,
    "rows": 1,
    "calibration": 2,
    "calibration_choice": 2,
    "certificate": 2,
    "anchors": 2,
    "balance": 2,
    "composite": 2,
    "curvature": 2,
    "running_moments": 2,
    "drawing": 2,
    "objective": 2,
    "prices": 2,
    "quadratics": 2,
    "reach": 2,
    "ridge_metrics": 2,
    "row_space": 2,
    "separation": 2,
    "spanned": 2,
    "shortfall": 3,
    "solvers": 2,
    "sparse_certificate": 2,
    "callbacks": 3,
    "early_stopping": 3,
    "folds": 2,
    "unit_columns": 2,
    "fold_path": 3,
    "ridge_path": 3,
    "dask_chunks": 3,
    "dask_gate": 3,
    "dask_strips": 3,
    "engines": 3,
    "dask_prediction": 3,
    "dask_homes": 1,
    "dask_rows": 1,
    "gate": 3,
    "holdout": 3,
    "monitors": 3,
    "parameters": 3,
    "progress": 3,
    "tally": 3,
    "streaming": 3,
    "linear_classifier": 4,
    "score_columns": 3,
    "score_reading": 3,
    "score_rows": 3,
    "dask_scores": 3,
    "targets": 3,
    "calibrated": 4,
    "path": 3,
    "screening": 3,
    "walks": 3,
    "problem": 3,
    "decision_scores": 4,
    "wrapping": 4,
    "metrics": 4,
    "cross_validation": 4,
    "prediction": 4,
    "scoring": 4,
    "regression": 4,
    "regression_cv": 4,
    "transformer": 4,
    "optimization_display": 5,
    "path_plots": 5,
    "plots": 5,
    "__init__": 5,
}
SKLEARN_FROM = 3
# Where there is no way round a name that scikit-learn keeps to itself.
MAY_IMPORT_PRIVATE = {"gate", "functions_checks"}
# Imported when a collection of Dask is seen.
NEED_DASK = {
    f"dask_{name}" for name in ("chunks", "gate", "homes", "prediction", "rows", "scores", "strips")
}
MAY_IMPORT_SKLEARN_LAZILY = {"functions_checks"}
MOST_LINES = 400
MOST_CODE_LINES = 40


def layer(name):
    return LAYERS[name.split(".")[0]]


def tree(name):
    return ast.parse(FILES[name].read_text())


def imported(name, *, top_level=False):
    """Dotted names of all that a file imports, ``from a import b`` as ``a.b``."""
    nodes = tree(name).body if top_level else ast.walk(tree(name))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(name):
    """Files of the package that a file imports."""
    for target in imported(name):
        parts = target.split(".")
        if parts[0] == "sksoftmax" and name != "__init__":
            candidates = [".".join(parts[1:end]) for end in (3, 2)]
            found = [c for c in candidates if c in FILES or f"{c}.__init__" in FILES]
            yield found[0] if found else "__init__"


@FILE
def test_every_file_has_a_layer(name):
    assert name.split(".")[0] in LAYERS, "a new file: add a line to LAYERS"


@FILE
def test_imports_point_down(name):
    for target in ours(name):
        assert layer(target) <= layer(name), f"{name} imports {target}"
        assert target != "__init__", f"{name} imports the package itself"


def test_there_is_no_circle_of_imports():
    graph = {name: set(ours(name)) for name in FILES}
    done = set()
    while len(done) < len(graph):
        ready = {n for n in graph if n not in done and graph[n] - {n} <= done}
        # A package is its __init__; files of it are imported by that one.
        ready |= {
            n for n in graph if n not in done
            and {t for t in graph[n] if f"{t}.__init__" not in graph} - {n} <= done
        }  # fmt: skip
        assert ready, f"a circle among {sorted(set(graph) - done)}"
        done |= ready


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("solvers.")])
def test_solvers_know_nothing_of_ours_but_solvers(name):
    assert all(target.split(".")[0] == "solvers" for target in ours(name))


@FILE
def test_scikit_learn_begins_at_the_gate(name):
    if layer(name) >= SKLEARN_FROM:
        return
    lazily = name in MAY_IMPORT_SKLEARN_LAZILY
    for target in imported(name, top_level=lazily):
        assert target.split(".")[0] != "sklearn", f"{name} imports {target}"


@FILE
def test_private_names_of_others_are_imported_in_one_place(name):
    if name in MAY_IMPORT_PRIVATE:
        return
    for target in imported(name):
        parts = target.split(".")
        if parts[0] in ("sklearn", "scipy", "numpy"):
            assert not any(part.startswith("_") for part in parts), f"{name} imports {target}"
            assert "externals" not in parts, f"{name} imports {target}"


@FILE
def test_only_dependencies_are_imported_at_once(name):
    allowed = {"numpy", "scipy", "sklearn", "joblib", "threadpoolctl", "sksoftmax"}
    if name in NEED_DASK:
        allowed |= {"dask", "cloudpickle"}
    for target in imported(name, top_level=True):
        root = target.split(".")[0]
        assert root in allowed or root in sys.stdlib_module_names, f"{name} imports {target}"


@FILE
def test_dask_is_imported_only_by_what_is_imported_lazily(name):
    if name in NEED_DASK:
        return
    for target in imported(name, top_level=True):
        assert not {target.removeprefix("sksoftmax."), target.split(".")[0]} & {*NEED_DASK, "dask"}
    assert "distributed" not in {target.split(".")[0] for target in imported(name)}


@FILE
def test_files_are_one_idea_long(name):
    assert len(FILES[name].read_text().splitlines()) <= MOST_LINES


@FILE
def test_functions_are_one_idea_long(name):
    lines = FILES[name].read_text().splitlines()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef):
            assert code_lines(node, lines) <= MOST_CODE_LINES, f"{name}.{node.name}"


def code_lines(function, lines):
    """Lines of a function's body other than its docstring, comments and empty ones."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    texts = (line.strip() for line in lines[body[0].lineno - 1 : function.end_lineno])
    return sum(1 for text in texts if text and not text.startswith("#"))


@FILE
def test_every_file_and_public_class_says_what_it_is(name):
    assert ast.get_docstring(tree(name)), name
    for node in tree(name).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            data_only = name.startswith("solvers.") or "NamedTuple" in ast.unparse(node)
            assert ast.get_docstring(node) or data_only, f"{name}.{node.name}"


@FILE
def test_no_class_is_built_by_overriding(name):
    """Every class is abstract or final: bases are protocols, tuples, or mixins left as they are."""
    own = {n.name: n for f in FILES for n in tree(f).body if isinstance(n, ast.ClassDef)}
    protocols = {n for n in own if "Protocol" in [ast.unparse(b) for b in own[n].bases]}
    for node in ast.walk(tree(name)):
        if not isinstance(node, ast.ClassDef):
            continue
        for base in {ast.unparse(base).split(".")[-1] for base in node.bases} & own.keys():
            if base.endswith("Mixin"):
                assert not methods(node) & methods(own[base]), f"{name}.{node.name}"
            else:
                assert base in protocols, f"{name}.{node.name}"


def methods(node):
    return {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
