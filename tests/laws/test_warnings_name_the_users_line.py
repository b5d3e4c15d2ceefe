"""Every warning names the line that the user wrote, whatever is decorated on the way."""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import (
    GroupLasso,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = np.argmax(X + RNG.gumbel(size=X.shape), axis=1)
BY_CLASS = np.argsort(Y, kind="stable")
SHORT = SoftmaxRegression(max_iter=1, tol=1e-12)
NO_L1 = {"penalty": GroupLasso()}

CALLS = {
    "fit": lambda: SHORT.fit(X, Y),
    "pipeline": lambda: make_pipeline(StandardScaler(), SHORT).fit(X, Y),
    "search": lambda: GridSearchCV(SHORT, {"C": [1.0]}, cv=2).fit(X, Y),
    "paths": lambda: SoftmaxRegressionCV(Cs=2, cv=2, max_iter=1, tol=1e-12).fit(X, Y),
    "no l1 part": lambda: SoftmaxRegression(**NO_L1).fit(X, Y),
    "no l1 part on paths": lambda: SoftmaxRegressionCV(Cs=2, cv=2, **NO_L1).fit(X, Y),
    "certain scores": lambda: SoftmaxTransformer("auto").fit(np.eye(3)[Y], Y),
    "fit and transform": lambda: SoftmaxTransformer("auto").fit_transform(np.eye(3)[Y], Y),
    "labels as columns": lambda: SoftmaxTransformer("temperature").fit(X, np.minimum(Y, 1)),
    "no weights": lambda: SoftmaxCalibratedClassifier(KNeighborsClassifier()).fit(
        X, Y, sample_weight=np.ones(len(Y))
    ),
    "lacking classes": lambda: SoftmaxCalibratedClassifier(
        SoftmaxRegression(), cv=[*KFold(2).split(X), *KFold(3).split(X[BY_CLASS])]
    ).fit(X[BY_CLASS], Y[BY_CLASS]),
}


def chunked_columns():
    import dask.array as da

    return SoftmaxRegression().fit(da.from_array(X, chunks=(45, 2)), Y)


def column_of_labels():
    import dask.array as da

    return SoftmaxRegression().fit(da.from_array(X), da.from_array(Y[:, None]))


if find_spec("dask"):
    CALLS |= {"chunks of columns": chunked_columns, "column of labels": column_of_labels}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_names_the_line_of_the_user(name):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        CALLS[name]()
    assert found
    assert {warning.filename for warning in found} == {__file__}
