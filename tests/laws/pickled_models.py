"""Models whose pickles are kept, with what they predict, for the versions to come.

Run before a release, and where `FORMAT` of ``sksoftmax._data.pickling`` was raised::

    python tests/laws/pickled_models.py

It writes ``tests/pickles/<version>.json.xz``. Files of released versions stay as they are.
"""

import json
import lzma
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

import sksoftmax
from sksoftmax import (
    DecisionScores,
    ElasticNet,
    GroupLasso,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)

FOLDER = Path(__file__).parents[1] / "pickles"
SUFFIX = ".json.xz"
CLASSES = np.array(["a", "b", "c"])
# Old protocols are what other tools write; this one is read by every Python that is supported.
PROTOCOL = 4


def make_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).round(3)
    scores = X @ [[2, -1, 0], [0, 1, -1], [1, 0, -1]] + rng.gumbel(size=(60, 3))
    return X, CLASSES[scores.argmax(axis=1)]


X, Y = make_data()
SCORES = 3 * X  # a column a class


def stream(solver, **options):
    model = SoftmaxRegression(solver=solver, random_state=0, **options)
    return model.partial_fit(X[:40], Y[:40], classes=CLASSES)


class Model(NamedTuple):
    """A fitted model, and the method whose answers are kept."""

    fit: object
    method: str = "predict_proba"
    dtype: type = np.float64


def learned(calibration, **options):
    return Model(lambda: SoftmaxTransformer(calibration, **options).fit(SCORES, Y), "transform")


MODELS = {
    "regression": Model(lambda: SoftmaxRegression().fit(X, Y)),
    "regression, two classes": Model(lambda: SoftmaxRegression().fit(X, Y == "a")),
    "regression, single precision": Model(
        lambda: SoftmaxRegression().fit(X.astype(np.float32), Y), dtype=np.float32
    ),
    "regression, sparse": Model(lambda: SoftmaxRegression().fit(sp.csr_array(X), Y)),
    "regression, elastic net, sparse coefficients": Model(
        lambda: (
            SoftmaxRegression(0.1, l1_ratio=0.9, penalty=ElasticNet(penalty_factor=[1.0, 2.0, 1.0]))
            .fit(X, Y)
            .sparsify()
        )
    ),
    "regression, group lasso": Model(
        lambda: SoftmaxRegression(l1_ratio=1.0, penalty=GroupLasso()).fit(X, Y)
    ),
    "stream, sgd": Model(lambda: stream("sgd")),
    "stream, adam": Model(lambda: stream("adam")),
    "search": Model(lambda: SoftmaxRegressionCV(Cs=2, cv=2).fit(X, Y)),
    "decision scores": Model(
        lambda: DecisionScores(SoftmaxRegression(), cv=2).fit(X, Y), "transform"
    ),
    "transformer": Model(lambda: SoftmaxTransformer(temperature=2.0).fit(SCORES), "transform"),
    "transformer, temperature": learned("temperature"),
    "transformer, vector": learned("vector"),
    "transformer, matrix": learned("matrix"),
    "transformer, structured": learned("structured"),
    "transformer, priors": learned("vector", target_priors=[0.2, 0.3, 0.5]),
    "calibrated": Model(lambda: SoftmaxCalibratedClassifier(SoftmaxRegression(), cv=2).fit(X, Y)),
    "calibrated, vector": Model(
        lambda: SoftmaxCalibratedClassifier(SoftmaxRegression(), "vector", cv=2).fit(X, Y)
    ),
}


def rows(name):
    """Those that predictions are kept of."""
    return (SCORES if name.startswith("transformer") else X)[:4].astype(MODELS[name].dtype)


def answers(name, model):
    """What the model predicts; a stream also after the rest of the rows."""
    before = getattr(model, MODELS[name].method)(rows(name))
    if not name.startswith("stream"):
        return [before]
    return [before, model.partial_fit(X[40:], Y[40:]).predict_proba(rows(name))]


def write():
    kept = {}
    for name, model in MODELS.items():
        fitted = model.fit()
        kept[name] = {
            "pickle": pickle.dumps(fitted, protocol=PROTOCOL).decode("latin1"),
            "answers": [np.asarray(answer).tolist() for answer in answers(name, fitted)],
        }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{sksoftmax.__version__}{SUFFIX}"
    path.write_bytes(lzma.compress(json.dumps(kept).encode()))
    print(f"Wrote {path}: {path.stat().st_size} bytes")


def read():
    """All that is kept: (version, name, pickle, answers)."""
    for path in sorted(FOLDER.glob(f"*{SUFFIX}")):
        version = path.name.removesuffix(SUFFIX)
        for name, kept in json.loads(lzma.decompress(path.read_bytes())).items():
            yield version, name, kept["pickle"].encode("latin1"), kept["answers"]


if __name__ == "__main__":
    write()
