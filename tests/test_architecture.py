"""The layers: imports point down only, and files and functions stay small."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

import sksoftmax

PACKAGE = Path(sksoftmax.__file__).parent
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FILE = pytest.mark.parametrize("name", FILES)
# Folders by layer. Within a layer, folders do not import each other.
LAYERS = (
    ("_version",),
    ("_runtime",),
    ("_functions", "_objective", "_solvers"),
    ("_data", "_curvature"),
    ("_certificates",),
    ("_problems",),
    ("_calibration", "_inference", "_paths"),
    ("_linear_model", "metrics"),
    ("_displays",),
    ("__init__",),
)
LAYER = {folder: number for number, folders in enumerate(LAYERS) for folder in folders}
# scikit-learn begins where input is checked; what is arithmetic on arrays knows nothing of it.
WITHOUT_SKLEARN = {name for folders in LAYERS[:6] for name in folders} - {"_data"}
# Where there is no way round a name that scikit-learn keeps to itself.
MAY_IMPORT_PRIVATE = {"_data.validation", "_functions.checks"}
# Imported when a collection of Dask is seen.
NEED_DASK = {name for name in FILES if name.startswith("_data.dask.")}
MAY_IMPORT_SKLEARN_LAZILY = {"_functions.checks"}
# All else lies in folders.
ALONE = {"__init__", "_version", "metrics"}
MOST_LINES = 400
MOST_CODE_LINES = 40


def folder(name):
    return name.split(".")[0]


@cache
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
            candidates = [".".join(parts[1:end]) for end in range(len(parts), 1, -1)]
            found = [c for c in candidates if c in FILES or f"{c}.__init__" in FILES]
            yield found[0] if found else "__init__"


@FILE
def test_every_file_lies_in_a_layer(name):
    assert folder(name) in LAYER, "a new folder: add it to LAYERS"


@FILE
def test_every_other_file_lies_in_a_folder_with_a_charter(name):
    assert name in ALONE or f"{folder(name)}.__init__" in FILES


@FILE
def test_imports_point_down(name):
    for target in map(folder, ours(name)):
        below = LAYER[target] < LAYER[folder(name)]
        assert below or target == folder(name), f"{name} imports {target}"


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


@FILE
def test_scikit_learn_begins_where_input_is_checked(name):
    if folder(name) not in WITHOUT_SKLEARN:
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
        assert not f"{target}.".startswith(("sksoftmax._data.dask.", "dask."))
    assert "distributed" not in {target.split(".")[0] for target in imported(name)}


@FILE
def test_settings_of_the_process_change_in_one_place(name):
    """An interrupt would leave them changed: `_runtime` knows how to prevent it."""
    if folder(name) == "_runtime":
        return
    names = {node.attr for node in ast.walk(tree(name)) if isinstance(node, ast.Attribute)}
    found = names & {"errstate", "seterr", "catch_warnings", "config_context", "set_config"}
    assert not found, f"{name}: {found}"


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
            data_only = name.startswith("_solvers.") or "NamedTuple" in ast.unparse(node)
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


def documented(node):
    """Names that a class's docstring explains as ``name : what it is``, or ``one, two : ...``."""
    for line in (ast.get_docstring(node) or "").splitlines():
        match = re.match(r"([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*) : ", line)
        yield from match.group(1).split(", ") if match else ()


def attributes(node):
    """Fields of a record, and what ``__init__`` takes or sets."""
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign):
            yield statement.target.id
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            yield from (argument.arg for argument in statement.args.args)
            yield from (argument.arg for argument in statement.args.kwonlyargs)
            yield from (n.attr for n in ast.walk(statement) if isinstance(n, ast.Attribute))


@FILE
def test_docstrings_of_classes_explain_what_they_have(name):
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ClassDef) and (known := set(attributes(node))):
            # Public docstrings have sections: scikit-learn's own checks read them.
            names = set() if hasattr(sksoftmax, node.name) else set(documented(node))
            assert names <= known, f"{name}.{node.name} has no {sorted(names - known)}"
