"""A memory-mapped array is fitted without a copy of it, by every solver."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sksoftmax import SoftmaxRegression
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS

ROOT = Path(__file__).parents[2]
LIMITED = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is limited where Linux tells of it"
)
ALLOWED = 20 * 2**20
# Memory of the process's own: mapped files don't count, since the system may forget their pages.
SCRIPT = """
import resource, sys, warnings
import numpy as np
from sksoftmax import SoftmaxRegression
X, y = np.load(sys.argv[1], mmap_mode="r"), np.load(sys.argv[2], mmap_mode="r")
names, allowed = sys.argv[4:], int(sys.argv[3])
options = {"tol": 1e-3, "max_iter": 2, "random_state": 0}
warnings.simplefilter("ignore")
for name in names:  # what is loaded on first use
    SoftmaxRegression(solver=name, **options).fit(X[:2000], y[:2000]).predict(X[:2000])
status = open("/proc/self/status").read()
own = 1024 * int(status.split("VmData:")[1].split()[0])
resource.setrlimit(resource.RLIMIT_DATA, (own + allowed,) * 2)
try:
    np.array(X)
except MemoryError:
    print("no room for a copy")
for name in names:
    model = SoftmaxRegression(solver=name, **options).fit(X, y)
    for start in range(0, len(X), 10_000):
        model.predict(X[start : start + 10_000])
    print(name, model.objective_)
"""

FOLDS = """
import resource, sys, warnings
import numpy as np
from sklearn.model_selection import KFold, ShuffleSplit
from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV
X, y = np.load(sys.argv[1], mmap_mode="r"), np.load(sys.argv[2], mmap_mode="r")
allowed = int(sys.argv[3])
weight = np.arange(len(X)) % 3.0
options = {"tol": 1e-2, "max_iter": 3}
ridge = SoftmaxRegressionCV([0.1, 1.0], **options)
lasso = SoftmaxRegressionCV([0.1, 1.0], l1_ratios=[0.5], **options)
overlapping = ShuffleSplit(2, random_state=0)
drawn_twice = [(np.arange(len(X)) // 2 * 2, np.arange(100)), (np.arange(100), np.arange(100))]
early = {"early_stopping": True, "random_state": 0, **options}
fits = {
    "ridge": (ridge, None),
    "consecutive": (SoftmaxRegressionCV([0.1, 1.0], cv=KFold(3), **options), None),
    "l1": (lasso, None),
    "overlapping": (SoftmaxRegressionCV([1.0], cv=overlapping, **options), None),
    "drawn twice": (SoftmaxRegressionCV([1.0], cv=drawn_twice, **options), None),
    "weights": (ridge, weight),
    "early stopping": (SoftmaxRegression(**early), None),
    "early stopping with l1": (SoftmaxRegression(l1_ratio=0.5, **early), weight),
    "rows without weight": (SoftmaxRegression(**options), weight),
}
warnings.simplefilter("ignore")
for model, own in fits.values():  # what is loaded on first use
    if model.get_params().get("cv") is not drawn_twice:
        model.fit(X[:2000], y[:2000], None if own is None else own[:2000])
status = open("/proc/self/status").read()
used = 1024 * int(status.split("VmData:")[1].split()[0])
resource.setrlimit(resource.RLIMIT_DATA, (used + allowed,) * 2)
for name, (model, own) in fits.items():
    model.fit(X, y, own)
    print(name)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Columns of 38 MB and labels, on disk."""
    folder = tmp_path_factory.mktemp("mapped")
    random = np.random.default_rng(0)
    coef = random.normal(size=(20, 3))
    shape = (250_000, 20)
    X = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=np.float64, shape=shape)
    y = np.empty(len(X), dtype=np.uint8)
    for start in range(0, len(X), 10_000):
        rows = random.normal(size=(10_000, 20))
        X[start : start + 10_000] = rows
        noise = 4 * random.gumbel(size=(10_000, 3))
        y[start : start + 10_000] = np.argmax(rows @ coef + noise, axis=1)
    X.flush()
    np.save(folder / "y.npy", y)
    yield folder / "X.npy", folder / "y.npy"
    (folder / "X.npy").unlink()


@LIMITED
def test_a_file_larger_than_memory_is_fitted_by_every_solver(files):
    names = sorted({**SOLVERS, **COMPOSITE_SOLVERS})
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, *files, str(ALLOWED), *names],
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    said = result.stdout.splitlines()
    assert said[0] == "no room for a copy"
    assert [line.split()[0] for line in said[1:]] == names
    values = [float(line.split()[1]) for line in said[1:]]
    assert max(values) <= 1.05 * min(values)


@LIMITED
def test_folds_and_rows_held_out_are_no_copies_of_a_file(files):
    result = subprocess.run(
        [sys.executable, "-c", FOLDS, *files, str(ALLOWED)],
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(result.stdout.splitlines()) == 9


@pytest.mark.parametrize("solver", ["auto", "sgd"])
def test_a_mapped_array_is_like_one_in_memory(solver, tmp_path):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(200, 4)), np.arange(200) % 3
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    first, second = (
        SoftmaxRegression(solver=solver, random_state=0).fit(columns, y) for columns in (X, mapped)
    )
    np.testing.assert_array_equal(first.coef_, second.coef_)
