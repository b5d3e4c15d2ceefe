"""What has the methods of a collection of Dask is one only where Dask holds its numbers."""

import subprocess
import sys

import numpy as np
import pytest
from inputs import Wrapper
from numpy.testing import assert_allclose

from sksoftmax import SoftmaxRegression, SoftmaxTransformer, metrics

da = pytest.importorskip("dask.array", reason="Dask is not installed")
X = np.random.default_rng(0).normal(size=(120, 4))
LABELS = np.argmax(X[:, :3] + np.random.default_rng(1).normal(size=(120, 3)), axis=1)
WEIGHTS = np.random.default_rng(2).uniform(1, 2, 120)


class Outer(Wrapper):
    """A wrapper of a wrapper: an array of xarray that holds a quantity of pint."""

    def __init__(self, values):
        super().__init__(Wrapper(values))

    def __dask_graph__(self):
        return self.data.__dask_graph__()


def lazily(values):
    return da.from_array(values, chunks=(50, *values.shape[1:]))


FORMS = {
    "in memory": Wrapper,
    "on Dask": lambda values: Wrapper(lazily(values)),
    "on Dask, wrapped twice": lambda values: Outer(lazily(values)),
}
form = pytest.mark.parametrize("form", FORMS)


@form
@pytest.mark.parametrize("wrapped", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_fit_is_that_of_the_array(form, wrapped):
    given = [X, LABELS, WEIGHTS]
    expected = SoftmaxRegression().fit(*given)
    for argument in wrapped:
        given[argument] = FORMS[form](given[argument])
    found = SoftmaxRegression().fit(*given)
    assert_allclose(found.coef_, expected.coef_, atol=1e-8)
    assert_allclose(found.score(*given), expected.score(X, LABELS, WEIGHTS))


@form
@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_predictions_are_those_of_the_array(form, method):
    predict = getattr(SoftmaxRegression().fit(X, LABELS), method)
    found = predict(FORMS[form](X))
    assert isinstance(found, np.ndarray if form == "in memory" else da.Array)
    assert_allclose(np.asarray(found), predict(X))


@form
def test_calibrations_and_metrics_are_those_of_the_array(form):
    wrap, probabilities = FORMS[form], SoftmaxRegression().fit(X, LABELS).predict_proba(X)
    expected = SoftmaxTransformer("vector").fit(X[:, :3], LABELS, WEIGHTS)
    found = SoftmaxTransformer("vector").fit(wrap(X[:, :3]), wrap(LABELS), wrap(WEIGHTS))
    assert_allclose(found.transform(wrap(X[:, :3])), expected.transform(X[:, :3]), atol=1e-8)
    assert_allclose(
        metrics.reliability(wrap(LABELS), wrap(probabilities), sample_weight=wrap(WEIGHTS)),
        metrics.reliability(LABELS, probabilities, sample_weight=WEIGHTS),
    )


def test_nothing_asks_for_dask_where_it_is_not_installed():
    program = """
import sys
sys.modules["dask"] = None
import numpy as np
from inputs import Wrapper
from sksoftmax import SoftmaxRegression
X, y = np.eye(6), np.arange(6) % 3
model = SoftmaxRegression().fit(Wrapper(X), Wrapper(y))
model.predict(Wrapper(X)), model.score(Wrapper(X), Wrapper(y))
"""
    path = [name for name in sys.path if name]
    program = f"import sys; sys.path[:0] = {path}\n{program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
