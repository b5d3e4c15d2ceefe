"""The matrix: every processor, Python and version that is declared. All of it by ``nox``.

::

    nox                                       everything
    nox -s "processors(nehalem)"              one configuration
    nox -s floors -- tests/solvers            with arguments for pytest
    nox -s numerics                           processors and floors, on the tests of the arithmetic
    nox -s package sdist                      the wheel and the sdist, as their users get them

Sessions on processors, and that of the sdist, run in the environment that nox is called from; the
others make their own.
"""

import json
import os
import platform
import re
import shutil
import sys
import tarfile
import tomllib
from pathlib import Path

import nox

nox.options.sessions = ["tests", "processors", "threads", "floors", "package", "sdist"]
nox.options.error_on_missing_interpreters = False

# The tests whose result depends on the kernels: the others see the same code again.
NUMERICS = [
    f"tests/{folder}"
    for folder in ("objective", "curvature", "certificates", "problems", "solvers", "paths")
]
# Processors by the kernels that OpenBLAS takes, and the widest vectors that NumPy may use.
PROCESSORS = {
    "skylakex": ("SkylakeX", "AVX-512"),
    "haswell": ("Haswell", "AVX2"),
    "nehalem": ("Nehalem", "SSE4"),
    "numpy without avx512": (None, "AVX2"),
    "numpy without avx2": (None, "SSE4"),
}
# NumPy's names of features that are wider than each, before 2.4 and since.
BEYOND = {
    "AVX-512": (),
    "AVX2": ("AVX512", "X86_V4"),
    "SSE4": ("AVX", "F16C", "FMA3", "X86_V3", "X86_V4"),
}
# Data frames of the lowest Dask do not know pandas 3.
BESIDE_FLOORS = ["pandas<3"]
WORKERS = ["-n", "2"]
# Tests that read files of the source tree, which the sdist has to hold; those that take no time.
READ_THE_TREE = ["tests/test_docs.py", "tests/test_packaging.py", "tests/laws/test_pickles.py"]
READ_THE_TREE += ["-k", "not print_what_is_shown"]
ROOT = Path(__file__).parent
DIST = ROOT / "dist"
FEATURES = "import json, numpy; print(json.dumps(numpy.show_config('dicts')['SIMD Extensions']))"


def floors():
    """What pyproject.toml asks for at least, exactly: ``numpy>=2.0`` as ``numpy==2.0``."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    # A constraint has no extras.
    declared = [re.sub(r"\[.*\]", "", need) for group in groups for need in group]
    lowest = [need.replace(">=", "==") for need in declared if ">=" in need and "<" not in need]
    return lowest + BESIDE_FLOORS


def run_tests(session, *chosen, **env):
    env = {"OPENBLAS_NUM_THREADS": "1", **env}
    session.run("python", "-m", "pytest", *WORKERS, *(session.posargs or chosen), env=env)


def on_processor(session, name, *chosen):
    """Run tests with the kernels of a processor, if this one has them."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        session.skip("only kernels of x86 can be chosen among")
    features = json.loads(session.run("python", "-c", FEATURES, silent=True))
    blas, widest = PROCESSORS[name]
    found = features.get("found", [])
    if blas == "SkylakeX" and not any(f.startswith(BEYOND["AVX2"]) for f in found):
        session.skip("this processor has no AVX-512")
    # NumPy warns of names that it does not know, so that they are asked of it.
    disabled = [f for f in found if f.startswith(BEYOND[widest])]
    env = {"NPY_DISABLE_CPU_FEATURES": " ".join(disabled)} if disabled else {}
    if blas:
        env["OPENBLAS_CORETYPE"] = blas
    run_tests(session, *chosen, **env)


def at_floors(session, *chosen):
    constraints = Path(session.create_tmp(), "floors.txt")
    constraints.write_text("\n".join(floors()), encoding="utf-8")
    session.install("-c", str(constraints), ".[test]")
    run_tests(session, *chosen)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session):
    """The newest versions of everything."""
    session.install(".[test]")
    run_tests(session)


@nox.session(venv_backend="none")
@nox.parametrize("name", list(PROCESSORS), ids=list(PROCESSORS))
def processors(session, name):
    """Kernels of other processors."""
    on_processor(session, name)


@nox.session(venv_backend="none")
def threads(session):
    """As many threads of BLAS as there are cores."""
    os.environ.pop("OPENBLAS_NUM_THREADS", None)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(name="floors", python="3.11")
def lowest_versions(session):
    """The lowest versions that are declared."""
    at_floors(session)


@nox.session
def package(session):
    """Build the sdist, and from it the wheel; check both, install the wheel, and type a script."""
    shutil.rmtree(DIST, ignore_errors=True)
    session.install("build", "hatchling", "twine", "mypy")
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(DIST))
    session.run("twine", "check", "--strict", *map(str, DIST.iterdir()))
    (wheel,) = DIST.glob("*.whl")
    session.install(str(wheel))
    # Elsewhere, where the source tree is not what is imported.
    session.chdir(session.create_tmp())
    session.run("python", "-c", "import sksoftmax; sksoftmax.show_versions()")
    script = str(ROOT / "tests" / "typed_script.py")
    session.run("python", "-W", "error", script)
    session.run("mypy", "--strict", "--cache-dir", "mypy", script)


@nox.session(venv_backend="none", requires=["package"])
def sdist(session):
    """The sdist's own tests: those that read its files, or with arguments others."""
    (archive,) = DIST.glob("*.tar.gz")
    folder = Path(session.create_tmp())
    shutil.rmtree(folder)
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    session.chdir(tree)
    session.run(sys.executable, "-m", "pytest", "-q", *(session.posargs or READ_THE_TREE))


@nox.session(venv_backend="none")
@nox.parametrize("name", ["haswell", "nehalem"], ids=["haswell", "nehalem"])
def numerics(session, name):
    """The tests of the arithmetic, on the kernels of other processors."""
    on_processor(session, name, *NUMERICS)


@nox.session(name="numerics-floors", python="3.11")
def numerics_at_floors(session):
    """The tests of the arithmetic, at the lowest versions."""
    at_floors(session, *NUMERICS)
