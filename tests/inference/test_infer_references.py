"""Figures of statsmodels, stored; and statsmodels itself where it is installed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine

from sksoftmax import SoftmaxRegression, infer

# statsmodels 0.15.0, MNLogit(y, add_constant(X)).fit(method="newton", tol=1e-15), on the columns
# alcohol, malic_acid and magnesium of the wines: all three classes, and the second against the
# others. Rows are contrasts against the class 0, the intercept last. Robust is cov_type="HC0";
# cluster is of groups of six rows in a row, with use_correction=False and, for small samples,
# True: G / (G - 1) * (n - 1) / (n - k). Margins are get_margeff(at="overall") and (at="mean").
STORED = {
    3: {
        "coef": [[-5.096305492038, 0.008317339029988, -0.053135834812446, 71.951574655845],
                 [-2.227823387983, 1.189038438243, -0.028674608700878, 29.698369755839]],
        "information": [[0.7434002610694, 0.3491113431476, 0.02018793458636, 10.30773277288],
                        [0.5602390791134, 0.2734332981205, 0.01924154590857, 7.887709345869]],
        "robust": [[0.7402779796451, 0.4119244955962, 0.02139196570472, 9.397115146242],
                   [0.5378793145617, 0.2582878784558, 0.01486489271727, 7.155874243373]],
        "cluster": [[0.8079942673388, 0.5100460981158, 0.01557939831193, 10.04829977404],
                    [0.5635675131022, 0.2831982186704, 0.01527245988432, 6.993976990201]],
        "cluster, small sample": [
            [0.8385560186641, 0.5293381929303, 0.01616867687028, 10.42836885540],
            [0.5848840135857, 0.2939099698357, 0.01585012873666, 7.258518700693],
        ],
        "log_likelihood": -90.65993455915, "log_likelihood_null": -193.3148430004,
        "aic": 197.3198691183, "bic": 222.7741375206, "r2": 0.5310244513456,
        "statistic": 205.3098168825,
        "rows": ([[0.2776169331389, -0.07718517407797, 0.003247089743985],
                  [-0.2909588506173, -0.06463313299798, -0.002734486185216],
                  [0.01334191747837, 0.1418183070759, -0.0005126035587692]],
                 [[0.01965898344631, 0.01768285837390, 0.001499119118984],
                  [0.01837316619284, 0.01706725075517, 0.001349027492678],
                  [0.02653272340511, 0.01571068402078, 0.001919438024875]]),
        "mean": ([[0.6097037186521, -0.1166728061253, 0.006888484000691],
                  [-0.8166445878942, -0.1740274912609, -0.007708891639011],
                  [0.2069408692421, 0.2907002973862, 0.0008204076383202]],
                 [[0.09745548278544, 0.04975835717938, 0.002860427083950],
                  [0.1179074284760, 0.06178851511140, 0.003961923673297],
                  [0.1138999810030, 0.05224047992949, 0.004135963567193]]),
    },
    2: {
        "coef": [[-3.587211907649, -0.9484316612499, -0.03460479500840, 51.34621689747]],
        "information": [[0.5498433657301, 0.2679232886191, 0.01698919603034, 7.505519027879]],
        "robust": [[0.5280762257005, 0.3548514471390, 0.01813415308624, 6.806068413909]],
        "cluster": [[0.5402143472183, 0.4454684426382, 0.01415244527405, 7.202912674777]],
        "cluster, small sample": [[0.5541658402648, 0.4569730424548, 0.01451794415953,
                                   7.388933995045]],
        "log_likelihood": -48.20866117378, "log_likelihood_null": -119.7145154069,
        "aic": 104.4173223476, "bic": 117.1444565487, "r2": 0.5973031256074,
        "statistic": 143.0117084662,
        "rows": ([[0.2922932282106, 0.07728011590638, 0.002819668172656],
                  [-0.2922932282106, -0.07728011590638, -0.002819668172656]],
                 [[0.01743726336243, 0.01872494631197, 0.001315980017759]] * 2),
        "mean": ([[0.7191298266220, 0.1901324799528, 0.006937237296078],
                  [-0.7191298266220, -0.1901324799528, -0.006937237296078]],
                 [[0.1118992990291, 0.05629567484783, 0.003492476622115]] * 2),
    },
}  # fmt: skip
OPTIONS = {
    "information": {},
    "robust": {"covariance": "robust"},
    "cluster": {"covariance": "cluster", "groups": np.arange(178) // 6},
    "cluster, small sample": {
        "covariance": "cluster", "groups": np.arange(178) // 6, "small_sample": True
    },
}  # fmt: skip
CLASSES = pytest.mark.parametrize("n_classes", [2, 3])


def wines(n_classes):
    X, y = load_wine(return_X_y=True)
    return X[:, [0, 1, 4]], y if n_classes == 3 else (y == 1).astype(int)


def inferred(n_classes, **options):
    X, y = wines(n_classes)
    return infer(SoftmaxRegression(C=np.inf).fit(X, y), X, y, reference=0, **options)


@CLASSES
@pytest.mark.parametrize("name", OPTIONS)
def test_coefficients_and_errors_are_those_of_statsmodels(n_classes, name):
    found, stored = inferred(n_classes, **OPTIONS[name]), STORED[n_classes]
    assert_allclose(found.coef, stored["coef"], rtol=1e-9)
    assert_allclose(found.std_error, stored[name], rtol=1e-9)


@CLASSES
def test_likelihoods_and_tests_are_those_of_statsmodels(n_classes):
    found, stored = inferred(n_classes), STORED[n_classes]
    for name in ("log_likelihood", "log_likelihood_null", "aic", "bic"):
        assert_allclose(getattr(found, name), stored[name], rtol=1e-9)
    assert_allclose(found.pseudo_r2(), stored["r2"], rtol=1e-9)
    assert_allclose(found.likelihood_ratio_test().statistic, stored["statistic"], rtol=1e-9)
    assert_allclose(found.degrees_of_freedom, 4 * (n_classes - 1), rtol=1e-9)


@CLASSES
@pytest.mark.parametrize("at", ["rows", "mean"])
def test_marginal_effects_are_those_of_statsmodels(n_classes, at):
    pytest.importorskip("pandas")
    frame = inferred(n_classes).marginal_effects(at=at)
    for column, stored in zip(("coef", "std_error"), STORED[n_classes][at], strict=True):
        assert_allclose(frame[column], np.ravel(stored), rtol=1e-9)


@pytest.mark.filterwarnings("ignore")  # of statsmodels, about its own convergence
def test_statsmodels_agrees_where_it_is_installed():
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4)) * [1, 10, 0.1, 3] + [0, 100, 2, -3]
    scores = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=(4, 4))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    fitted = api.MNLogit(y, api.add_constant(X)).fit(disp=0, maxiter=100, tol=1e-12)
    found = infer(SoftmaxRegression(C=np.inf).fit(X, y), X, y, reference=0)
    for own, theirs in ((found.coef, fitted.params), (found.std_error, fitted.bse)):
        assert_allclose(own, np.roll(np.asarray(theirs).T, -1, axis=1), rtol=1e-6)
    L = np.random.default_rng(1).normal(size=(2, 15))
    theirs = fitted.wald_test(L, scalar=True)  # class-major too, the constant first
    assert_allclose(found.wald_test(_constant_last(L)).statistic, theirs.statistic, rtol=1e-6)


def _constant_last(L):
    return np.roll(L.reshape(len(L), -1, 5), -1, axis=2).reshape(len(L), -1)


def test_influence_and_intervals_of_two_classes_are_those_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    X, y = wines(2)
    # Beyond 1e-10 rounding decides whether its Newton steps are said to have converged.
    fitted = api.Logit(y, api.add_constant(X)).fit(disp=0, tol=1e-10)
    theirs, found = fitted.get_influence(), inferred(2)
    own = found.influence(X, y)
    assert_allclose(own.leverage, theirs.hat_matrix_diag, rtol=1e-6)
    assert_allclose(own.deviance_residuals, fitted.resid_dev, rtol=1e-6)
    assert_allclose(own.pearson_residuals, fitted.resid_pearson, rtol=1e-6)
    assert_allclose(own.cooks_distance, theirs.cooks_distance[0], rtol=1e-6)
    dfbetas = np.roll(theirs.dfbetas, -1, axis=1)
    assert_allclose(own.dfbetas[:, 0], dfbetas, rtol=1e-6, atol=1e-9)
    lower, upper = found.predict_interval(X, scale="probability")
    interval = fitted.get_prediction().summary_frame(alpha=0.05)
    assert_allclose(lower[:, 1], interval["ci_lower"], rtol=1e-6)
    assert_allclose(upper[:, 1], interval["ci_upper"], rtol=1e-6)
