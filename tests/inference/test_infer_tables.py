"""Frames and summaries: what is in which row."""

from html.parser import HTMLParser

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sksoftmax import SoftmaxRegression, infer

pd = pytest.importorskip("pandas")
COLUMNS = ["class", "feature", "coef", "std_error", "z", "p_value", "lower", "upper"]
RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(150, 2)), columns=["a <b>", "c"])
Y = np.array(["x & y", "z", "w"])[
    np.argmax(X.to_numpy() @ RNG.normal(size=(2, 3)) + RNG.gumbel(size=(150, 3)), axis=1)
]
FOUND = infer(SoftmaxRegression().fit(X, Y), X, Y)


def test_rows_are_class_major_with_the_intercept_last():
    frame = FOUND.frame(level=0.9)
    assert list(frame) == COLUMNS
    assert frame["feature"].tolist() == ["a <b>", "c", "intercept"] * 3
    assert frame["class"].tolist() == np.repeat(["w", "x & y", "z"], 3).tolist()
    for name in ("coef", "std_error", "z", "p_value"):
        assert_allclose(frame[name], getattr(FOUND, name).ravel())
    assert_allclose(frame["z"], frame["coef"] / frame["std_error"])
    assert_allclose(frame["upper"] - frame["coef"], 1.6448536269514722 * frame["std_error"])
    assert_allclose(FOUND.upper - FOUND.lower, 2 * 1.959963984540054 * FOUND.std_error)
    assert_allclose(FOUND.p_value[0, 0], 2 * (1 - _normal(abs(FOUND.z[0, 0]))), rtol=1e-6)


def _normal(z):
    grid = np.linspace(-12, z, 400_001)
    return np.trapezoid(np.exp(-(grid**2) / 2), grid) / np.sqrt(2 * np.pi)


def test_odds_ratios_are_exponentials():
    frame, ratios = FOUND.frame(), FOUND.odds_ratios()
    assert list(ratios) == COLUMNS
    for name in ("coef", "lower", "upper"):
        assert_allclose(ratios[name], np.exp(frame[name]))
    assert_allclose(ratios["std_error"], np.exp(frame["coef"]) * frame["std_error"])
    assert_allclose(ratios["p_value"], frame["p_value"])


def test_odds_ratios_beyond_all_range_are_infinite():
    far = X + 1e5
    ratios = infer(SoftmaxRegression().fit(far, Y), far, Y, reference="w").odds_ratios()
    assert np.isin(ratios["coef"][ratios["feature"] == "intercept"], [0, np.inf]).all()


def test_marginal_effects_have_all_classes_and_no_intercept():
    found = infer(FOUND_MODEL := SoftmaxRegression().fit(X, Y), X, Y, reference="w")
    frame = found.marginal_effects()
    assert list(frame) == COLUMNS and len(frame) == 3 * 2
    assert frame["class"].tolist() == np.repeat(FOUND_MODEL.classes_, 2).tolist()
    assert_allclose(frame.groupby("feature")["coef"].sum(), 0, atol=1e-12)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_are_of_the_library_that_X_is_of(library):
    module = pytest.importorskip(library)
    rows = module.DataFrame({"a": X["a <b>"].to_numpy(), "c": X["c"].to_numpy()})
    found = infer(SoftmaxRegression().fit(rows, Y), rows, Y)
    for frame in (found.frame(), found.odds_ratios(), found.marginal_effects()):
        assert type(frame) is module.DataFrame
        assert list(frame.columns) == COLUMNS


def test_labels_of_numbers_stay_numbers():
    y = np.where(Y == "z", 7, -2)
    frame = infer(SoftmaxRegression().fit(X, y), X, y).frame()
    assert frame["class"].tolist() == [7, 7, 7]


def test_a_summary_prints_a_table_of_lines_of_one_length():
    text = str(FOUND.summary())
    assert text == repr(FOUND.summary())
    lines = text.splitlines()
    width = lines[1].count("=")
    assert all(len(line) <= width for line in lines[:-2])
    for name in ("Log likelihood", "AIC", "BIC", "Pseudo R2", "std err", "class x & y", "[0.025"):
        assert name in text
    assert f"{FOUND.coef[1, 1]:.4f}" in text
    assert "0.05" in str(FOUND.summary(level=0.9))
    assert "penalty" in text and "penalty" not in str(
        infer(SoftmaxRegression(C=np.inf).fit(X, Y), X, Y, reference="z").summary()
    )


class Tags(HTMLParser):
    """Counts tags, and sees that each is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_a_summary_in_a_notebook_is_html_that_escapes_names():
    tags = Tags()
    tags.feed(FOUND.summary()._repr_html_())
    assert not tags.open and set(tags.seen) <= {"table", "caption", "tr", "td", "th", "p"}
    assert tags.seen.count("tr") >= 9
    assert "a <b>" in tags.text and "x & y" in tags.text


def test_pseudo_r2_follow_their_formulas():
    model, null, n = FOUND.log_likelihood, FOUND.log_likelihood_null, 150
    snell = 1 - np.exp(2 * (null - model) / n)
    assert_allclose(FOUND.pseudo_r2(), 1 - model / null)
    assert_allclose(FOUND.pseudo_r2("cox_snell"), snell)
    assert_allclose(FOUND.pseudo_r2("nagelkerke"), snell / (1 - np.exp(2 * null / n)))


def test_nested_models_are_tested_by_twice_the_difference():
    small = infer(SoftmaxRegression(C=np.inf).fit(X[["c"]], Y), X[["c"]], Y)
    large = infer(SoftmaxRegression(C=np.inf).fit(X, Y), X, Y)
    test = large.likelihood_ratio_test(small)
    assert_allclose(test.statistic, 2 * (large.log_likelihood - small.log_likelihood))
    assert_allclose(test.degrees_of_freedom, 2)
    assert_allclose(test.p_value, np.exp(-test.statistic / 2), rtol=1e-9)
    whole = large.likelihood_ratio_test()
    assert_allclose(whole.degrees_of_freedom, 4)
    # The chi-squared tail of 4 degrees of freedom.
    half = whole.statistic / 2
    assert_allclose(whole.p_value, np.exp(-half) * (1 + half), rtol=1e-9)
