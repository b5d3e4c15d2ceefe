"""Each script runs as a reader would run it, with warnings as errors, and tells what it should.

Examples with a figure, ``plot_*.py``, are run where the site is built.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDS = {"data_frames": "pandas", "dask_cluster": "distributed", "export_onnx": "skl2onnx"}
# Dask calls pandas in ways that are going.
WARNINGS = {"dask_cluster": ["-W", "ignore::DeprecationWarning"]}

# On a busy machine the workers of a cluster may take long to end.
SLOW_TO_END = re.compile(r"^.* still alive after \d+\.\d seconds, killing\n", re.MULTILINE)

# The full size of some examples is for the reader.
ARGUMENTS = {"dask_cluster": ["150000"]}

# Patterns that must be found in what the example prints, one line each.
TOLD = {
    "quickstart": [
        r"^  converged_ +True ",
        r"^  SoftmaxRegression +0\.0096986 .* none$",
        r"^  LogisticRegression +0\.\d+ .* ConvergenceWarning$",
        r"^  C = \S+ +\d\.\d{4} +<- best$",
        r"^  temperature = \S+ +\d\.\d{4} +<- best$",
        r"^    digit \d +0\.\d{3} +<- the truth$",
    ],
    "pipeline": [
        r"^largest difference of a probability +\d+e-(0[6-9]|1\d)$",
        r"^log loss, cross-validated +0\.\d{4}$",
    ],
    "export_onnx": [
        r"^size of the ONNX file +\d,\d{3} bytes$",
        r"^largest difference +(0e\+00|\de-(0[78]|1\d))$",
        r"^the same labels +True$",
    ],
    "grid_search": [
        r"^  10 +0\.\d{4}  <- best$",
        r"^  0\.2 +0\.\d{4}  <- best$",
    ],
    "data_frames": [
        r"^ +sepal length +sepal width +petal length +petal width$",
        r"^virginica( +-?\d\.\d\d){4}$",
        r"^  The feature names should match",
        r"^ +softmaxtransformer0 +softmaxtransformer1 +softmaxtransformer2$",
    ],
    "sparse_text": [
        r"^fit +\d+ steps, converged_ = True$",
        r"^accuracy +0\.9\d\d on texts not seen$",
        r"^weather +0\.[5-9]\d\d$",
    ],
    "out_of_core": [
        r"^size of the file +191 MB$",
        r"^a copy in memory +refused$" if Path("/proc/self/status").exists() else "",
        r"^auto +\d steps, converged_ = True, objective_ 0\.876451$",
        r"^sgd +\d steps, converged_ = True, objective_ 0\.876451$",
    ],
    "dask_cluster": [
        r"^fit: \d+ steps, converged_ = True, of \['idle', 'normal', 'overload'\]$",
        r"^labels written: 150,000$",
        r"^of these right: 0\.\d{3}$",
        r"^workers lost: 0$",
    ],
    "sample_weights": [
        r"^weights and repeated rows +the same$",
        r"^rows of weight 0 and rows left out +the same$",
        r"^all weights 10, and no weights +different$",
        r"^all weights 10, and no weights at C=10 +the same$",
        r"^class_weight='balanced', and by hand +the same$",
    ],
}


def run(name):
    """What the example prints; the source tree comes before an installed package."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [
            *(sys.executable, "-W", "error", *WARNINGS.get(name, [])),
            *(ROOT / "examples" / f"{name}.py", *ARGUMENTS.get(name, [])),
        ],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def test_every_example_is_tested():
    scripts = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert {name for name in scripts if not name.startswith("plot_")} == set(TOLD)


@pytest.mark.parametrize("name", sorted(TOLD))
def test_example(name):
    needed = NEEDS.get(name)
    if needed and find_spec(needed) is None:
        pytest.skip(f"the example needs {needed}, which is not installed")
    result = run(name)
    assert result.returncode == 0, result.stderr
    assert SLOW_TO_END.sub("", result.stderr) == ""
    for pattern in TOLD[name]:
        assert re.search(pattern, result.stdout, re.MULTILINE), f"{pattern}\n{result.stdout}"
