"""Laws of inference: against formulas summed row by row, and between data that are the same."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import covariance_kinds
from scipy.special import expit, log_softmax, logsumexp, softmax
from sklearn.base import clone

from sksoftmax import ElasticNet, SoftmaxRegression, SoftmaxRegressionCV, infer
from sksoftmax._objective.rows import InMemoryRows

N_ROWS = 200
WEIGHTS = np.random.default_rng(1).integers(0, 4, N_ROWS)
GROUPS = np.array(list("abcdefghij"))[np.random.default_rng(2).integers(0, 10, N_ROWS)]
KINDS = covariance_kinds(GROUPS)
MODELS = {
    "three classes": (3, {}),
    "two classes": (2, {}),
    "no penalty": (3, {"C": np.inf}),
    "no intercept": (3, {"fit_intercept": False, "C": 0.1}),
    "factors": (3, {"penalty": ElasticNet(penalty_factor=[1.0, 0.0, 3.0])}),
    "class weights": (3, {"class_weight": {"apple": 2.0, "fig": 0.5}}),
    "balanced": (2, {"class_weight": "balanced"}),
    "smoothed": (3, {"label_smoothing": 0.1}),
}
KIND, MODEL = pytest.mark.parametrize("kind", KINDS), pytest.mark.parametrize("name", MODELS)


def draw(n_classes=3, n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_ROWS, n_features)) * [1.0, 5.0, 0.2] + [0.0, 20.0, 1.0]
    scores = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=(n_features, n_classes))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    return X, np.array(["pear", "apple", "fig", "kiwi"])[y]


def fitted(name="three classes", X=None, **options):
    n_classes, parameters = MODELS[name]
    drawn, y = draw(n_classes)
    X = drawn if X is None else X
    return SoftmaxRegression(**{**parameters, **options}).fit(X, y, WEIGHTS), X, y


class Brute:
    """Sums over rows from their definitions, against the first class, the intercept last."""

    def __init__(self, model, X, y, coef):
        factors = model.class_weight or {}
        classes, n_classes = model.classes_, len(model.classes_)
        if model.class_weight == "balanced":
            mass = {label: WEIGHTS[y == label].sum() for label in classes}
            factors = {label: WEIGHTS.sum() / (n_classes * mass[label]) for label in classes}
        self.columns = np.column_stack([X, np.ones(len(X))]) if model.fit_intercept else X
        self.class_weight = np.array([factors.get(label, 1.0) for label in y])
        share = model.label_smoothing / n_classes
        self.target = (y[:, None] == classes) * (1 - model.label_smoothing) + share
        if factors:
            assert not model.label_smoothing
        self.probability = softmax(self.columns @ np.vstack([0 * coef[0], coef]).T, axis=1)
        strength = np.zeros(self.columns.shape[1])
        strength[:3] = np.array(getattr(model.penalty, "penalty_factor", np.ones(3))) / model.C
        m = n_classes - 1
        scatter = np.eye(m) - 1 / n_classes if m > 1 else np.eye(1)
        self.ridge = np.kron(scatter, np.diag(strength))
        self.weight = WEIGHTS * self.class_weight

    def information(self, weight):
        total = 0
        for x, p, w in zip(self.columns, self.probability[:, 1:], weight, strict=True):
            total = total + w * np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
        return total

    def scores(self):
        residual = (self.target - self.probability)[:, 1:]
        return np.stack([np.kron(r, x) for r, x in zip(residual, self.columns, strict=True)])

    def covariance(self, kind):
        scores, weight = self.scores(), self.weight
        middle = {
            "information": lambda: self.information(weight),
            "information, sampling": lambda: self.information(weight**2),
            "robust": lambda: (scores.T * (WEIGHTS * self.class_weight**2)) @ scores,
            "robust, sampling": lambda: (scores.T * weight**2) @ scores,
            "cluster": lambda: self._of_groups(scores * weight[:, None]),
        }[kind]()
        inverse = np.linalg.inv(self.information(weight) + self.ridge)
        return inverse @ middle @ inverse

    def _of_groups(self, scores):
        sums = np.stack([scores[label == GROUPS].sum(axis=0) for label in np.unique(GROUPS)])
        return sums.T @ sums


@KIND
@MODEL
def test_covariances_are_the_sums_of_their_definition(name, kind):
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0], **KINDS[kind])
    wanted = Brute(model, X, y, found.coef).covariance(kind)
    assert_allclose(found.covariance_matrix, wanted, rtol=1e-6, atol=1e-9 * np.abs(wanted).max())
    assert_allclose(found.std_error.ravel() ** 2, np.diag(wanted), rtol=1e-6)


@MODEL
def test_weighted_scores_sum_to_the_gradient_of_the_ridge(name):
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0])
    brute = Brute(model, X, y, found.coef)
    sums = brute.weight @ brute.scores()
    wanted = brute.ridge @ found.coef.ravel()
    assert_allclose(sums, wanted, atol=1e-7 * np.abs(brute.scores()).sum(axis=0).max())


@MODEL
def test_coefficients_are_the_models_to_its_tol(name):
    model, X, y = fitted(name, tol=1e-12)
    found = infer(model, X, y, sample_weight=WEIGHTS)
    coef = model.coef_ - model.coef_.mean(axis=0) * (len(model.coef_) > 1)
    assert_allclose(found.coef[:, :3], coef, rtol=1e-4, atol=1e-5)


@MODEL
def test_degrees_of_freedom_are_a_trace_and_the_likelihood_a_sum(name):
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0])
    brute = Brute(model, X, y, found.coef)
    information = brute.information(brute.weight)
    wanted = np.trace(np.linalg.solve(information + brute.ridge, information))
    assert_allclose(found.degrees_of_freedom, wanted, rtol=1e-8)
    losses = -np.sum(brute.target * np.log(brute.probability), axis=1)
    assert_allclose(found.log_likelihood, -brute.weight @ losses, rtol=1e-9)
    shares = brute.weight @ brute.target
    null = shares @ np.log(shares / shares.sum())
    assert_allclose(found.log_likelihood_null, null, rtol=1e-9)
    assert_allclose(found.aic, 2 * wanted - 2 * found.log_likelihood, rtol=1e-9)
    assert_allclose(
        found.bic, np.log(brute.weight.sum()) * wanted - 2 * found.log_likelihood, rtol=1e-9
    )


@KIND
def test_no_penalty_has_a_degree_of_freedom_a_coefficient(kind):
    model, X, y = fitted("no penalty")
    found = infer(model, X, y, sample_weight=WEIGHTS, **KINDS[kind])
    assert_allclose(found.degrees_of_freedom, 2 * 4, rtol=1e-9)


# -- data that are the same -----------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"class_weight": {"fig": 3.0}}, {"C": np.inf}])
@pytest.mark.parametrize("covariance", ["information", "robust", "cluster"])
def test_a_frequency_weight_is_a_repetition(covariance, options):
    X, y = draw()
    kind = {"covariance": covariance}
    groups = {"groups": GROUPS} if covariance == "cluster" else {}
    model = SoftmaxRegression(**options).fit(X, y, WEIGHTS)
    weighted = infer(model, X, y, sample_weight=WEIGHTS, **kind, **groups)
    X, y = np.repeat(X, WEIGHTS, axis=0), np.repeat(y, WEIGHTS)
    groups = {name: np.repeat(values, WEIGHTS) for name, values in groups.items()}
    repeated = infer(SoftmaxRegression(**options).fit(X, y), X, y, **kind, **groups)
    assert_same(weighted, repeated)
    for name in ("log_likelihood", "degrees_of_freedom", "aic", "bic", "weight_sum"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-9)
    assert (weighted.n_rows, repeated.n_rows) == (np.count_nonzero(WEIGHTS), WEIGHTS.sum())


def assert_same(one, other):
    assert_allclose(one.coef, other.coef, rtol=1e-6, atol=1e-9)
    scale = np.sqrt(np.outer(np.diag(one.covariance_matrix), np.diag(one.covariance_matrix)))
    difference = (one.covariance_matrix - other.covariance_matrix) / scale
    assert_allclose(difference, 0, atol=1e-7)


@pytest.mark.parametrize("kind", ["information, sampling", "robust, sampling"])
def test_the_unit_of_sampling_weights_does_not_matter(kind):
    X, y = draw()
    one, other = (
        infer(
            SoftmaxRegression(C=np.inf).fit(X, y, weight), X, y, sample_weight=weight,
            **KINDS[kind],
        )
        for weight in (WEIGHTS, 7.0 * WEIGHTS)
    )  # fmt: skip
    assert_same(one, other)


def as_sparse(X):
    return sp.csr_array(X)


def as_dask(X):
    return pytest.importorskip("dask.array").from_array(X, chunks=(64, X.shape[1]))


def as_pandas(X):
    return pytest.importorskip("pandas").DataFrame(X, columns=["x0", "x1", "x2"])


def as_polars(X):
    return pytest.importorskip("polars").DataFrame(X, schema=["x0", "x1", "x2"])


def read_only(X):
    X = X.copy()
    X.setflags(write=False)
    return X


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cluster"])
@pytest.mark.parametrize("form", [as_sparse, as_dask, as_pandas, as_polars, read_only, list])
def test_rows_in_any_form_give_the_same(form, kind):
    _, X, y = fitted()
    X = np.where(np.abs(X) < 0.5, 0, X)
    y = np.asarray(y)
    plain = SoftmaxRegression().fit(X, y, WEIGHTS)
    formed = SoftmaxRegression().fit(form(X), y, WEIGHTS)
    options = {"sample_weight": WEIGHTS, **KINDS[kind]}
    one, other = infer(plain, X, y, **options), infer(formed, form(X), y, **options)
    assert_same(one, other)
    for name in ("log_likelihood", "degrees_of_freedom"):
        assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)
    pytest.importorskip("pandas")
    effects = [each.marginal_effects() for each in (one, other)]
    for column in ("coef", "std_error"):
        assert_allclose(*(np.asarray(frame[column]) for frame in effects), rtol=1e-6, atol=1e-10)


@KIND
def test_single_precision_gives_the_same(kind):
    X, y = draw()
    single = X.astype(np.float32)
    one, other = (
        infer(SoftmaxRegression().fit(rows, y, WEIGHTS), rows, y, sample_weight=WEIGHTS,
              **KINDS[kind])
        for rows in (single, single.astype(np.float64))
    )  # fmt: skip
    assert_same(one, other)


@KIND
@pytest.mark.parametrize("size", [1, 7, 64])
def test_blocks_of_any_size_give_the_same(monkeypatch, size, kind):
    model, X, y = fitted("class weights", n_jobs=2)
    options = {"sample_weight": WEIGHTS, **KINDS[kind]}
    one = infer(model, X, y, **options)
    before = one.influence(X, y, WEIGHTS)
    monkeypatch.setattr("sksoftmax._objective.rows.block_rows", lambda X, n_classes: size)
    other = infer(model, X, y, **options)
    assert_same(one, other)
    after = other.influence(X, y, WEIGHTS)
    for name in vars(before):
        assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-6, atol=1e-8)


def test_functions_of_blocks_do_not_hold_the_rows(monkeypatch):
    cloudpickle = pytest.importorskip("cloudpickle")
    summed, sizes = InMemoryRows.sum, []

    def measured(self, function):
        sizes.append(len(cloudpickle.dumps(function)))
        return summed(self, function)

    monkeypatch.setattr(InMemoryRows, "sum", measured)
    X, y = draw()
    X, y = np.tile(X, (100, 1)), np.tile(y, 100)
    model = SoftmaxRegression().fit(X, y)
    sizes.clear()
    infer(model, X, y).influence(X, y)
    infer(model, X, y, covariance="robust")
    infer(model, X, y, weights="sampling")
    monkeypatch.setattr("sksoftmax._inference.wide.MOST_PARAMETERS", 1)
    infer(model, X, y, covariance="robust")
    infer(model, X, y, weights="sampling")
    assert len(sizes) > 20 and max(sizes) < X.nbytes / 4


# -- contrasts ------------------------------------------------------------------------------------


@KIND
def test_contrasts_against_any_class_are_the_same_model(kind):
    model, X, y = fitted()
    options = {"sample_weight": WEIGHTS, **KINDS[kind]}
    found = [
        infer(model, X, y, reference=reference, **options) for reference in (None, *model.classes_)
    ]
    tests = [each.feature_tests() for each in found]
    intervals = [each.predict_interval(X) for each in found]
    probabilities = [each.predict_proba(X) for each in found]
    for other in range(1, len(found)):
        assert found[other].likelihood == found[0].likelihood
        assert_allclose(tests[other], tests[0], rtol=1e-6, atol=1e-12)
        assert_allclose(intervals[other], intervals[0], rtol=1e-7, atol=1e-9)
        assert_allclose(probabilities[other], probabilities[0], rtol=1e-7)


@KIND
def test_the_covariance_of_contrasts_is_the_contrast_of_the_covariance(kind):
    model, X, y = fitted()
    options = {"sample_weight": WEIGHTS, **KINDS[kind]}
    centred = infer(model, X, y, **options)
    for r, reference in enumerate(model.classes_):
        against = infer(model, X, y, reference=reference, **options)
        matrix = np.delete(np.eye(3) - np.eye(3)[r], r, axis=0)
        assert_allclose(against.coef, matrix @ centred.coef, rtol=1e-9, atol=1e-10)
        L = np.kron(matrix, np.eye(4))
        wanted = L @ centred.covariance_matrix @ L.T
        scale = np.abs(wanted).max()
        assert_allclose(against.covariance_matrix, wanted, rtol=1e-7, atol=1e-10 * scale)
        assert_array_equal(against.classes, np.delete(model.classes_, r))
    assert_allclose(centred.coef.sum(axis=0), 0, atol=1e-9)
    assert_array_equal(centred.classes, model.classes_)


def test_two_classes_are_one_row_of_the_second_against_the_first():
    model, X, y = fitted("two classes", tol=1e-12)
    one = infer(model, X, y, sample_weight=WEIGHTS)
    assert one.coef.shape == (1, 4) and one.reference == model.classes_[0]
    assert_allclose(one.coef[:, :3], model.coef_, rtol=1e-5)
    other = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[1])
    assert_allclose(other.coef, -one.coef, rtol=1e-9)
    assert_allclose(other.std_error, one.std_error, rtol=1e-9)
    assert other.classes.tolist() == [model.classes_[0]]


def test_features_and_classes_keep_rows_of_the_same_numbers():
    model, X, y = fitted()
    whole = infer(model, X, y, sample_weight=WEIGHTS)
    part = infer(
        model, X, y, sample_weight=WEIGHTS, features=["intercept", "x1"], classes=["pear", "fig"]
    )
    rows, columns = np.isin(whole.classes, ["pear", "fig"]), [1, 3]
    assert part.features.tolist() == ["x1", "intercept"]
    assert part.classes.tolist() == ["fig", "pear"]
    assert_allclose(part.coef, whole.coef[rows][:, columns], rtol=1e-12)
    assert_allclose(part.std_error, whole.std_error[rows][:, columns], rtol=1e-12)
    kept = (np.flatnonzero(rows)[:, None] * 4 + columns).ravel()
    assert_allclose(part.covariance_matrix, whole.covariance_matrix[np.ix_(kept, kept)], rtol=1e-9)
    assert_allclose(part.feature_tests().statistic, whole.feature_tests().statistic[[1]])
    assert_allclose(part.predict_interval(X), whole.predict_interval(X))


def test_excluded_features_are_zero_and_the_rest_is_as_if_they_were_not_there():
    X, y = draw()
    penalty = ElasticNet(penalty_factor=[1, np.inf, 2])
    with_it = infer(SoftmaxRegression(penalty=penalty).fit(X, y), X, y)
    without = SoftmaxRegression(penalty=ElasticNet(penalty_factor=[1, 2]))
    without = infer(without.fit(X[:, [0, 2]], y), X[:, [0, 2]], y)
    assert not with_it.coef[:, 1].any() and not with_it.std_error[:, 1].any()
    assert np.isnan(with_it.z[:, 1]).all() and np.isnan(with_it.p_value[:, 1]).all()
    kept = [0, 2, 3]
    assert_allclose(with_it.coef[:, kept], without.coef, rtol=1e-6, atol=1e-9)
    assert_allclose(with_it.std_error[:, kept], without.std_error, rtol=1e-6)
    assert np.isnan(with_it.feature_tests().statistic[1])
    assert_allclose(with_it.influence(X, y).leverage, without.influence(X[:, [0, 2]], y).leverage)


def test_a_search_and_coefficients_in_other_forms_are_inferred_from():
    X, y = draw()
    search = SoftmaxRegressionCV(Cs=[0.1, 1.0]).fit(X, y)
    plain = SoftmaxRegression(C=search.C_).fit(X, y)
    assert_same(infer(search, X, y), infer(plain, X, y))
    assert_same(infer(copy.deepcopy(plain).sparsify(), X, y), infer(plain, X, y))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("factors", [None, [2.0, 1.0, 0.5]])
def test_soft_targets_are_rows_of_each_class(factors, n_classes):
    X, _ = draw()
    target = np.random.default_rng(5).dirichlet(np.ones(n_classes), size=N_ROWS)
    class_weight = None if factors is None else dict(enumerate(factors[:n_classes]))
    model = SoftmaxRegression(class_weight=class_weight, tol=1e-12).fit(X, target)
    soft = infer(model, X, target)
    rows, labels = np.repeat(X, n_classes, axis=0), np.tile(np.arange(n_classes), N_ROWS)
    weight = target.ravel()
    hard = infer(clone(model).fit(rows, labels, weight), rows, labels, sample_weight=weight)
    assert_same(soft, hard)
    assert_allclose(soft.log_likelihood, hard.log_likelihood, rtol=1e-9)
    assert_allclose(soft.effects, hard.effects, rtol=1e-6)
    influence, p = soft.influence(X, target), model.predict_proba(X)
    weighted = target * (factors or [1.0] * 3)[:n_classes]
    sums = weighted.sum(axis=1, keepdims=True)
    squares = (sums * (weighted / sums - p) ** 2 / p).sum(axis=1)
    assert_allclose(influence.pearson_residuals**2, squares, rtol=1e-4)


# -- what is made of them -------------------------------------------------------------------------


@MODEL
def test_marginal_effects_have_the_errors_of_the_delta_method(name):
    pytest.importorskip("pandas")
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0])
    columns = np.column_stack([X, np.ones(N_ROWS)]) if model.fit_intercept else X

    def effects(rows, weight, coef):
        coef = np.vstack([0 * coef[0], coef])
        p = softmax(rows @ coef.T, axis=1)
        each = p[:, :, None] * (coef[:, :3] - (p @ coef[:, :3])[:, None, :])
        return np.average(each, axis=0, weights=weight).ravel()

    mean = np.average(columns, axis=0, weights=WEIGHTS)[None]
    for at, rows, weight in (("rows", columns, WEIGHTS), ("mean", mean, [1.0])):
        frame = found.marginal_effects(at)
        assert_allclose(frame["coef"], effects(rows, weight, found.coef), rtol=1e-7, atol=1e-10)
        jacobian = derivative(lambda coef, *of: effects(*of, coef), found.coef, rows, weight)
        wanted = np.sqrt(np.diag(jacobian @ found.covariance_matrix @ jacobian.T))
        assert_allclose(frame["std_error"], wanted, rtol=1e-5)


def derivative(function, coef, *others):
    """By central differences, of steps that suit each coefficient, (n_values, n_coefficients)."""
    columns, size = [], np.maximum(np.abs(coef), 0.01).ravel() * 1e-5
    for number, step in enumerate(size):
        move = np.zeros(coef.size)
        move[number] = step
        move = move.reshape(coef.shape)
        ends = function(coef + move, *others), function(coef - move, *others)
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=-1)


def logits_of(coef, X):
    scores = X @ coef[:, :3].T + coef[:, 3]
    scores = np.column_stack([np.zeros(len(X)), scores])
    own = log_softmax(scores, axis=1)
    others = [logsumexp(np.delete(own, k, axis=1), axis=1) for k in range(own.shape[1])]
    return own - np.stack(others, axis=1)


@pytest.mark.parametrize("name", ["three classes", "two classes", "no penalty"])
def test_intervals_of_predictions_are_those_of_the_delta_method(name):
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0])
    X = X[:20]
    lower, upper = found.predict_interval(X, level=0.9)
    middle = logits_of(found.coef, X)
    assert_allclose((lower + upper) / 2, middle, rtol=1e-7, atol=1e-9)
    jacobian = derivative(logits_of, found.coef, X)
    error = np.sqrt(np.einsum("nki,ij,nkj->nk", jacobian, found.covariance_matrix, jacobian))
    assert_allclose(upper - lower, 2 * 1.6448536269514722 * error, rtol=1e-5)
    ends = found.predict_interval(X, level=0.9, scale="probability")
    assert_allclose(ends, expit([lower, upper]))


def test_draws_agree_with_the_delta_method_where_errors_are_small():
    X, y = draw()
    X, y = np.tile(X, (50, 1)), np.tile(y, 50)
    found = infer(SoftmaxRegression().fit(X, y), X, y)
    delta = found.predict_interval(X[:10])
    drawn = found.predict_interval(X[:10], method="draws", n_draws=20_000)
    width = delta[1] - delta[0]
    assert_allclose((np.array(drawn) - delta) / width, 0, atol=0.05)
    again = found.predict_interval(X[:10], method="draws", n_draws=20_000)
    assert_array_equal(drawn, again)


@pytest.mark.parametrize("name", ["three classes", "two classes"])
def test_laplace_probabilities_are_means_over_draws(name):
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0])
    rng = np.random.default_rng(0)
    coef = rng.multivariate_normal(found.coef.ravel(), found.covariance_matrix, size=4000)
    coef = coef.reshape(-1, *found.coef.shape)
    scores = np.einsum("dkj,nj->dnk", coef[..., :3], X[:30]) + coef[:, None, :, 3]
    scores = np.concatenate([np.zeros((*scores.shape[:2], 1)), scores], axis=2)
    wanted = softmax(scores, axis=2).mean(axis=0)
    proba = found.predict_proba(X[:30])
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(proba, wanted, atol=0.01)


@MODEL
def test_influence_is_a_newton_step_without_the_row(name):
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0])
    brute, influence = Brute(model, X, y, found.coef), found.influence(X, y, WEIGHTS)
    scores = brute.scores()
    hessian = brute.information(brute.weight) + brute.ridge
    for row in (0, 5, 77):
        one = np.zeros(N_ROWS)
        one[row] = brute.weight[row]
        own = brute.information(one)
        leverage = np.trace(np.linalg.solve(hessian, own))
        assert_allclose(influence.leverage[row], leverage, rtol=1e-6, atol=1e-12)
        move = np.linalg.solve(hessian - own, one[row] * scores[row])
        error = np.sqrt(np.diag(found.covariance_matrix))
        assert_allclose(influence.dfbetas[row].ravel(), move / error, rtol=1e-5, atol=1e-9)
        cooks = move @ hessian @ move / found.degrees_of_freedom
        assert_allclose(influence.cooks_distance[row], cooks, rtol=1e-6, atol=1e-12)


@MODEL
def test_residuals_and_leverages_sum_to_what_they_are_shares_of(name):
    model, X, y = fitted(name)
    found = infer(model, X, y, sample_weight=WEIGHTS, reference=model.classes_[0])
    influence, brute = found.influence(X, y, WEIGHTS), Brute(model, X, y, found.coef)
    assert_allclose(influence.leverage.sum(), found.degrees_of_freedom, rtol=1e-8)
    deviance = np.sum(influence.deviance_residuals**2)
    assert_allclose(deviance, -2 * found.log_likelihood, rtol=1e-9)
    parts = (brute.target - brute.probability) ** 2 / brute.probability
    squares = brute.weight * parts.sum(axis=1)
    assert_allclose(influence.pearson_residuals**2, squares, rtol=1e-6, atol=1e-12)
    for values in vars(influence).values():
        assert values.shape[0] == N_ROWS and not values[WEIGHTS == 0].any()


def test_a_record_holds_no_rows_cannot_be_changed_and_can_be_pickled():
    model, X, y = fitted()
    found = infer(model, X, y, sample_weight=WEIGHTS)
    with pytest.raises(AttributeError):
        found.covariance = "robust"
    many = np.tile(X, (100, 1)), np.tile(y, 100)
    large = infer(SoftmaxRegression().fit(*many), *many)
    sizes = [len(pickle.dumps(each)) for each in (found, large)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)
    again = pickle.loads(pickle.dumps(found))
    assert_array_equal(again.covariance_matrix, found.covariance_matrix)
    assert_array_equal(again.predict_interval(X), found.predict_interval(X))


def test_nothing_that_is_passed_changes():
    model, X, y = fitted()
    before = copy.deepcopy((vars(model), X, y, WEIGHTS, GROUPS))
    infer(
        model, X, y, sample_weight=WEIGHTS, covariance="cluster", groups=GROUPS
    ).influence(X, y, WEIGHTS)  # fmt: skip
    for name, value in before[0].items():
        assert_array_equal(vars(model)[name], value)
    for old, new in zip(before[1:], (X, y, WEIGHTS, GROUPS), strict=True):
        assert_array_equal(old, new)
