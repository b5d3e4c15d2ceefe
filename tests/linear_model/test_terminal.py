"""Progress is shown on whatever the standard output is, and no fit ends for it."""

import io
import sys

import pytest
from sklearn.datasets import load_iris

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV

X, Y = load_iris(return_X_y=True)


class OnlyWrites:
    """What some consoles put in the place of the output."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def closed():
    out = io.StringIO()
    out.close()
    return out


OUTPUTS = {
    "none": lambda: None, "only writes": OnlyWrites, "closed": closed, "a file": io.StringIO,
    "a terminal": Terminal,
}  # fmt: skip
FITS = {
    "fit": lambda: SoftmaxRegression(verbose=1).fit(X, Y),
    "early stopping": lambda: SoftmaxRegression(verbose=1, early_stopping=True).fit(X, Y),
    "search": lambda: SoftmaxRegressionCV(Cs=2, cv=2, verbose=1).fit(X, Y),
}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_verbose_fits_whatever_the_output_is(output, fit, monkeypatch):
    out = OUTPUTS[output]()
    monkeypatch.setattr(sys, "stdout", out)
    model = FITS[fit]()
    monkeypatch.undo()
    assert model.predict(X).shape == Y.shape
    written = {"only writes": "text", "a file": "getvalue", "a terminal": "getvalue"}.get(output)
    if written:
        text = getattr(out, written)
        assert text if isinstance(text, str) else text()
