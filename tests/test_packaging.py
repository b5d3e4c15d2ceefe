"""What outsiders install, cite and run says the same as the package."""

import inspect
import io
import re
import shlex
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy
import pytest
import sklearn

import sksoftmax
from sksoftmax import metrics

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]


def read(path):
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def jobs(path):
    return read(path)["jobs"].values()


def commands(path):
    return [step["run"] for job in jobs(path) for step in job["steps"] if "run" in step]


def sessions():
    """Names of the sessions of nox."""
    text = (ROOT / "noxfile.py").read_text("utf-8")
    pattern = r"^@nox\.session(\(.*\))?\n(?:@.*\n)*def (\w+)"
    for arguments, function in re.findall(pattern, text, re.MULTILINE):
        named = re.search(r'name="([\w-]+)"', arguments or "")
        yield named[1] if named else function


def test_show_versions_tells_what_the_package_runs_on():
    file = io.StringIO()
    sksoftmax.show_versions(file)
    lines = dict(line.split(maxsplit=1) for line in file.getvalue().splitlines())
    assert lines["sksoftmax"] == sksoftmax.__version__
    assert lines["numpy"] == numpy.__version__
    assert lines["scikit-learn"] == sklearn.__version__
    assert set(lines) > {"python", "machine", "scipy", "joblib", "threadpoolctl", "dask"}
    if "openblas" in file.getvalue():
        assert re.search(r"openblas .*, \w+, \d+ threads", file.getvalue())


def test_the_version_stands_in_one_place():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).name == "_version.py"
    assert "version" not in read("CITATION.cff")
    try:
        installed = version("sksoftmax")
    except PackageNotFoundError:
        return  # the source tree alone
    assert installed == sksoftmax.__version__


def test_types_are_shipped():
    assert (Path(sksoftmax.__file__).parent / "py.typed").exists()


def test_the_sdist_has_the_files_of_the_tree():
    named = {
        name.strip("/") for name in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    }
    for name in named:
        assert (ROOT / name).exists(), name
    own = {"sksoftmax", "tests", "docs", "examples", "benchmarks", "conftest.py", "noxfile.py"}
    assert own | {path.name for path in ROOT.glob("*.md")} <= named


def test_the_citation_names_the_package():
    citation = read("CITATION.cff")
    assert citation["title"].startswith("sksoftmax")
    assert citation["license"] == PROJECT["project"]["license"]
    assert citation["url"] == PROJECT["project"]["urls"]["Documentation"]
    authors = [author["name"] for author in PROJECT["project"]["authors"]]
    assert [author["name"] for author in citation["authors"]] == authors


def test_hooks_run_the_linter_that_developers_install():
    (ruff,) = (need for need in EXTRAS["dev"] if need.startswith("ruff"))
    hooks = [hook for repo in read(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert [hook["additional_dependencies"] for hook in hooks] == [[ruff]] * len(hooks)
    assert {hook["entry"].split()[1] for hook in hooks} == {"check", "format"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_what_exists(path):
    assert commands(path)
    for command in commands(path):
        words = shlex.split(command)
        if words[0] == "nox":
            for session in words[2:]:
                assert session.split("-${{")[0] in set(sessions()), command
        elif words[:2] == ["pip", "install"]:
            if "&&" in command:
                readme = (ROOT / "README.md").read_text("utf-8")
                assert command in readme.splitlines(), "not the README's command"
            for extra in re.findall(r"\.\[(\w+)\]", command):
                assert extra in EXTRAS, command
        else:
            assert (ROOT / words[0]).exists() or words[0] == "python", command


def test_workflows_test_the_versions_that_are_declared():
    (job,) = (job for job in jobs(".github/workflows/tests.yml") if "strategy" in job)
    pythons = job["strategy"]["matrix"]["python"]
    classifiers = PROJECT["project"]["classifiers"]
    declared = [c.split()[-1] for c in classifiers if re.search(r":: 3\.\d+$", c)]
    assert pythons == declared
    session = re.search(
        r"@nox\.session\(python=(\[.*\])\)", (ROOT / "noxfile.py").read_text("utf-8")
    )
    assert session[1] == str(pythons).replace("'", '"')


def test_the_package_is_built_by_the_commands_of_ci():
    ran = (ROOT / ".ci" / "run").read_text("utf-8")
    (built,) = (c for c in commands(".github/workflows/wheels.yml") if c.startswith("nox"))
    assert f"run '{built}'" in ran
    assert ".ci/run" in commands(".github/workflows/tests.yml")


def public_functions():
    """Public functions, and methods and properties of public classes, by name."""
    for module in (sksoftmax, metrics):
        for name in module.__all__:
            thing = getattr(module, name)
            if not inspect.isclass(thing):
                yield name, thing
                continue
            for base in thing.__mro__:
                ours = base.__module__.startswith("sksoftmax")
                for key, member in vars(base).items() if ours else ():
                    function = getattr(member, "fget", None) or getattr(member, "func", None)
                    function = function or getattr(member, "fn", None) or member
                    function = inspect.unwrap(getattr(function, "__func__", function))
                    if inspect.isfunction(function) and (key == "__init__" or key[0] != "_"):
                        yield f"{name}.{key}", function


def test_every_public_signature_has_types():
    bare = set()
    for name, function in public_functions():
        if function.__module__.startswith("sksoftmax"):
            signature = inspect.signature(function)
            parts = [p for n, p in signature.parameters.items() if n not in ("self", "cls")]
            typed = all(p.annotation is not p.empty for p in parts)
            if not typed or signature.return_annotation is signature.empty:
                bare.add(name)
    assert not bare
