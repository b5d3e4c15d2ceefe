"""What the searches by Hypothesis draw from: data of all kinds, as numbers that stay readable."""

import os
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from inputs import without_warnings

EXAMPLES = int(os.environ.get("SKSOFTMAX_EXAMPLES", "300"))
COLUMNS = {
    "normal": lambda random, X: random.normal(size=len(X)),
    "constant": lambda random, X: np.full(len(X), 7.0),
    "zero": lambda random, X: np.zeros(len(X)),
    "duplicate": lambda random, X: X[:, 0],
    "nearly a duplicate": lambda random, X: X[:, 0] * (1 + 1e-9 * random.normal(size=len(X))),
    "sum": lambda random, X: X.sum(axis=1),
    "offset": lambda random, X: 1e6 + random.normal(size=len(X)),
    "indicator": lambda random, X: (random.random(len(X)) < 0.1).astype(float),
    "lognormal": lambda random, X: np.exp(4 * random.normal(size=len(X))),
    "outlier": lambda random, X: np.where(np.arange(len(X)) == 1, 1e39, random.normal(size=len(X))),
    "subnormal": lambda random, X: 5e-324 * random.integers(-9, 9, size=len(X)),
}
WEIGHTS = {
    "none": lambda random, n: None,
    "exponential": lambda random, n: random.exponential(size=n),
    "counts": lambda random, n: random.integers(0, 3, size=n).astype(float),
    "ratio of 1e12": lambda random, n: 10.0 ** random.uniform(-6, 6, size=n),
    "large": lambda random, n: 1e40 * random.exponential(size=n),
    "small": lambda random, n: 1e-40 * random.exponential(size=n),
}
# Exponents of scales that are accepted without a penalty, as most should be, by dtype.
REACH = {"float64": 90, "float32": 25}


def searched(share=1.0):
    """Settings of a search, of a share of the examples."""
    return settings(
        max_examples=max(1, int(share * EXAMPLES)),
        derandomize="SKSOFTMAX_EXAMPLES" not in os.environ,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


class Data(NamedTuple):
    """Rows, labels and weights, as what they are made from."""

    seed: int
    n_rows: int
    n_classes: int
    columns: list
    exponents: list
    dtype: str
    sparse: bool
    soft: bool
    weights: str

    def made(self):
        """X, y and weights."""
        random = np.random.default_rng(self.seed)
        X = np.zeros((self.n_rows, 0))
        first = random.normal(size=(self.n_rows, 1))
        for kind, exponent in zip(self.columns, self.exponents, strict=True):
            with np.errstate(all="ignore"):
                column = COLUMNS[kind](random, X if X.shape[1] else first) * 10.0**exponent
            column = np.clip(np.nan_to_num(column), -1.7e308, 1.7e308)
            X = np.column_stack([X, column])
        most = 0.9 * np.finfo(self.dtype).max
        X = np.clip(X, -most, most).astype(self.dtype)
        labels = random.integers(self.n_classes, size=self.n_rows)
        labels[: self.n_classes] = np.arange(self.n_classes)
        y = labels
        if self.soft:
            y = random.dirichlet(np.full(self.n_classes, 0.3), size=self.n_rows)
            y[::2] = np.eye(self.n_classes)[labels[::2]]
        return sp.csr_array(X) if self.sparse else X, y, WEIGHTS[self.weights](random, self.n_rows)


@st.composite
def data(draw, rows_of_a_class=(1, 1, 2, 5), soft=(False, False, True), sparse=(False, True)):
    n_columns = draw(st.integers(1, 6))
    n_classes = draw(st.sampled_from([2, 2, 3, 3, 4, 8, 33, 50]))
    dtype = draw(st.sampled_from(["float64", "float64", "float32"]))
    reach = REACH[dtype]
    exponent = st.one_of(
        st.just(0), st.integers(-3, 6), st.integers(-reach, reach),
        st.sampled_from([0, 0, 0, -300, -200, 200, 300]),
    )  # fmt: skip
    kinds = st.sampled_from(sorted(COLUMNS))
    return Data(
        seed=draw(st.integers(0, 2**16)),
        n_rows=draw(st.sampled_from(rows_of_a_class)) * n_classes + draw(st.integers(0, 20)),
        n_classes=n_classes,
        columns=draw(st.lists(kinds, min_size=n_columns, max_size=n_columns)),
        exponents=draw(st.lists(exponent, min_size=n_columns, max_size=n_columns)),
        dtype=dtype,
        sparse=draw(st.sampled_from(sparse)),
        soft=draw(st.sampled_from(soft)),
        weights=draw(st.sampled_from(sorted(WEIGHTS))),
    )


quietly = without_warnings("The number of unique classes", "penalty=.* is a ridge and no more")
