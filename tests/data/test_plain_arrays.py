"""Plain arrays of NumPy take a shorter way through the checks, to the same result."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV

random = np.random.default_rng(0)
X = random.standard_normal((60, 3))
LABELS = random.integers(3, size=60)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64", ">i4", "bool", "float64"])
def test_labels_of_an_array_are_those_of_a_list(dtype):
    y = LABELS.astype(dtype)
    plain, listed = (SoftmaxRegression().fit(X, labels) for labels in (y, y.tolist()))
    np.testing.assert_array_equal(plain.classes_, listed.classes_)
    np.testing.assert_allclose(plain.coef_, listed.coef_, rtol=1e-9, atol=1e-12)


def test_a_fit_on_an_array_forgets_the_names_of_an_earlier_frame():
    model = SoftmaxRegression().fit(pd.DataFrame(X, columns=["a", "b", "c"]), LABELS)
    model.fit(X[:, :2], LABELS)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, pd.DataFrame])
@pytest.mark.parametrize("row", [0, 59])
def test_an_entry_that_is_not_finite_is_refused_wherever_it_is(value, dtype, form, row):
    bad = X.astype(dtype)
    bad[row, 1] = value
    weight = np.ones(60)
    weight[row] = 0  # which does not excuse it
    others = np.delete(np.arange(3), LABELS[row])
    for options, sample_weight in (
        ({}, None),
        ({}, weight),
        ({"class_weight": {int(LABELS[row]): 0.0, **dict.fromkeys(others.tolist(), 1.0)}}, None),
        ({"early_stopping": True, "random_state": 0}, None),
        ({"l1_ratio": 0.5}, None),
    ):
        model = SoftmaxRegression(**options)
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
            model.fit(form(bad), LABELS, sample_weight)
        assert not hasattr(model, "coef_")
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        SoftmaxRegressionCV(Cs=2, cv=2).fit(form(bad), LABELS)


@pytest.mark.parametrize(
    ("bad_X", "bad_y", "message"),
    [
        (X[:0], LABELS[:0], "sample"),
        (X[:, :0], LABELS, "feature"),
        (X, LABELS[:-1], "inconsistent"),
        (X[:, 0], LABELS, "2D"),
        (X, 0 * LABELS, "only one class"),
    ],
)
def test_what_no_fit_can_use_is_refused(bad_X, bad_y, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxRegression().fit(bad_X, bad_y)


def test_integers_most_of_which_differ_are_warned_of():
    with pytest.warns(UserWarning, match="unique classes"):
        SoftmaxRegression(C=1e-3).fit(X, np.arange(60) // 2 * 2 + (np.arange(60) % 3 == 0))
