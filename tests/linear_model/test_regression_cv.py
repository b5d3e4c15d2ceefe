"""Laws of the cross-validated path."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from registry import draw, thinned
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, cross_validate
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from sksoftmax import ElasticNet, GroupLasso, SoftmaxRegression, SoftmaxRegressionCV, softmax
from sksoftmax._linear_model.cross_validation import choose
from sksoftmax._linear_model.scoring import scorer_of

X, Y = draw(150, 8, 3)
CV = StratifiedKFold(3)
PENALTIES = {
    "elastic net": ElasticNet(),
    "group lasso": GroupLasso(),
    "factors": ElasticNet(penalty_factor=[0, 2, 1, 1, 1, 1, np.inf, 1]),
}
PENALTY = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)


@PENALTY
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_c_min_is_where_the_first_coefficient_leaves_zero(penalty, fit_intercept):
    model = SoftmaxRegressionCV(
        3, l1_ratios=[0.7], penalty=penalty, cv=CV, fit_intercept=fit_intercept
    ).fit(X, Y)
    factor = np.ones(8) if penalty.penalty_factor is None else np.array(penalty.penalty_factor)
    for share, any_left in ((0.999, False), (1.02, True)):
        one = SoftmaxRegression(
            share * model.C_min_, l1_ratio=0.7, penalty=penalty, fit_intercept=fit_intercept,
            tol=1e-10,
        ).fit(X, Y)  # fmt: skip
        assert (one.coef_[:, factor > 0] != 0).any() == any_left
    assert_allclose(model.Cs_, model.C_min_ * np.array([1, 1e2, 1e4]))


def test_scores_are_those_of_fits_made_apart():
    model = SoftmaxRegressionCV([0.1, 1, 10], l1_ratios=[0, 0.5], cv=CV, tol=1e-10).fit(X, Y)
    assert model.scores_.shape == model.n_iter_.shape == (3, 2, 3)
    assert model.coefs_paths_.shape == (3, 2, 3, 3, 9)
    for f, (train, test) in enumerate(CV.split(X, Y)):
        for r, l1_ratio in enumerate([0, 0.5]):
            for c, C in enumerate([0.1, 1, 10]):
                one = SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-10).fit(X[train], Y[train])
                score = -log_loss(Y[test], one.predict_proba(X[test]))
                assert_allclose(model.scores_[f, r, c], score, rtol=1e-5)
                assert_allclose(model.coefs_paths_[f, r, c, :, :-1], one.coef_, atol=1e-4)
    best = model.scores_.mean(axis=0)
    assert best[list(model.l1_ratios_).index(model.l1_ratio_),
                list(model.Cs_).index(model.C_)] == best.max()  # fmt: skip


def test_the_refit_is_a_fit_of_all_data_at_the_chosen_c():
    model = SoftmaxRegressionCV(5, l1_ratios=[1.0], cv=CV, tol=1e-8).fit(X, Y)
    one = SoftmaxRegression(model.C_, l1_ratio=1.0, tol=1e-8).fit(X, Y)
    assert_allclose(model.coef_, one.coef_, atol=1e-4)
    mean = SoftmaxRegressionCV(5, l1_ratios=[1.0], cv=CV, refit=False).fit(X, Y)
    index = list(mean.Cs_).index(mean.C_)
    assert_allclose(mean.coef_, mean.coefs_paths_[:, 0, index, :, :-1].mean(axis=0))


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_the_order_of_values_of_c_does_not_matter(l1_ratio):
    options = dict(l1_ratios=[l1_ratio], cv=CV, tol=1e-10)
    one = SoftmaxRegressionCV([0.1, 1.0], **options).fit(X, Y)
    other = SoftmaxRegressionCV([1.0, 0.1, 1.0], **options).fit(X, Y)
    assert_array_equal(other.Cs_, [0.1, 1.0, 1.0])
    assert_allclose(other.scores_, one.scores_[:, :, [0, 1, 1]], rtol=1e-4)
    assert other.C_ == one.C_


def test_the_ridge_grid_and_optimum_are_those_of_scikit_learn():
    model = SoftmaxRegressionCV(4, cv=CV, tol=1e-10).fit(X, Y)
    assert_allclose(model.Cs_, np.logspace(-4, 4, 4))
    theirs = LogisticRegression(C=model.C_, tol=1e-8, max_iter=2000).fit(X, Y)
    assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_1se_takes_the_smallest_C_within_a_standard_error_of_the_best():
    scores = np.array([[[-3.0, -2.1, -2.0, -2.5]], [[-3.2, -2.3, -2.4, -2.9]]])
    assert choose(scores, "best") == (0, 1) or choose(scores, "best") == (0, 2)
    wide = scores + np.array([[[0.0]], [[-4.0]]])
    assert choose(wide, "1se") == (0, 0)
    assert choose(scores[:1], "1se") == (0, 2)
    # Of four folds at 0, 2, 0, 2 the standard error is 2 / sqrt(3) / sqrt(4) = 0.577.
    means = 1 + np.array([[-0.2, -0.2, -0.2, -0.2], [-0.58, -0.57, 0.0, -0.1]])
    folds = means + np.reshape([-1, 1, -1, 1], (4, 1, 1))
    assert choose(folds, "best") == (1, 2) and choose(folds, "1se") == (1, 1)


def test_weights_are_repetitions_in_fits_and_scores():
    weight = np.random.default_rng(0).integers(0, 3, 150)
    rows = np.repeat(np.arange(150), weight)
    fold = np.arange(150) % 3
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(3)]
    repeated = [(np.flatnonzero(fold[rows] != k), np.flatnonzero(fold[rows] == k))
                for k in range(3)]  # fmt: skip
    options = dict(Cs=[0.05, 0.5], l1_ratios=[0.0, 1.0], tol=1e-12)
    one = SoftmaxRegressionCV(cv=splits, **options).fit(X, Y, weight.astype(float))
    other = SoftmaxRegressionCV(cv=repeated, **options).fit(X[rows], Y[rows])
    assert_allclose(one.scores_, other.scores_, atol=1e-8)
    assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-8)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 3.0, 2: 0.5}])
def test_class_weights_are_those_of_fits_made_apart(class_weight):
    y = np.where(np.arange(150) % 3 > 0, Y, 0)
    options = dict(class_weight=class_weight, tol=1e-10)
    model = SoftmaxRegressionCV([0.1, 1], l1_ratios=[0, 0.5], cv=CV, **options).fit(X, y)
    splits = [np.arange(150), *(train for train, _ in CV.split(X, y))]
    for rows, paths in zip(splits, [model.coef_path_, *model.coefs_paths_], strict=True):
        for r, l1_ratio in enumerate([0, 0.5]):
            for c, C in enumerate([0.1, 1]):
                one = SoftmaxRegression(C, l1_ratio=l1_ratio, **options).fit(X[rows], y[rows])
                assert_allclose(paths[r, c, :, :-1], one.coef_, atol=1e-4)
                assert_allclose(paths[r, c, :, -1], one.intercept_, atol=1e-4)


def test_a_class_that_a_fold_lacks_has_probability_zero_there():
    y = Y.copy()
    y[y == 2] = 0
    y[:4] = 2
    splits = [(np.arange(75, 150), np.arange(75)), (np.arange(75), np.arange(75, 150))]
    model = SoftmaxRegressionCV(3, cv=splits).fit(X, y)
    assert np.isfinite(model.scores_).all() and np.isnan(model.coefs_paths_[0, ..., 2, :]).all()
    assert model.predict_proba(X).shape == (150, 3)
    accuracy = SoftmaxRegressionCV(3, cv=splits, scoring="accuracy").fit(X, y)
    assert ((accuracy.scores_ > 0.4) & (accuracy.scores_ <= 1)).all()

    def finite_and_zero(model, X, y):  # scikit-learn's metrics refuse infinite scores
        finite = np.isfinite(model.decision_function(X)).all()
        return finite and (model.predict_proba(X)[:, 2] == 0).all()

    assert SoftmaxRegressionCV(3, cv=splits, scoring=finite_and_zero).fit(X, y).scores_[0].all()


@pytest.mark.parametrize("n_classes, lacks", [(3, 0), (3, 1), (3, 2), (4, 1)])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_a_fold_without_a_class_is_the_fit_without_it(l1_ratio, n_classes, lacks):
    rows, y = draw(150, 4, n_classes)
    train = np.flatnonzero((y != lacks) & (np.arange(150) >= 40))
    splits = [(train, np.arange(40)), (np.arange(50, 150), np.arange(50))]
    options = dict(l1_ratios=[l1_ratio], cv=splits, tol=1e-10)
    model = SoftmaxRegressionCV([0.1, 1.0], **options, refit=False).fit(rows, y)
    for C, matrix in zip([0.1, 1.0], model.coefs_paths_[0, 0], strict=True):
        one = SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-10).fit(rows[train], y[train])
        assert list(np.flatnonzero(np.isnan(matrix).any(axis=1))) == [lacks]
        kept = np.delete(matrix, lacks, axis=0)
        found = softmax(rows @ kept[:, :-1].T + kept[:, -1])
        assert_allclose(found, one.predict_proba(rows), atol=1e-4)
    # What no fold but the second knows is its own.
    index = list(model.Cs_).index(model.C_)
    assert_array_equal(model.coef_[lacks], model.coefs_paths_[1, 0, index, lacks, :-1])


def test_a_mean_of_folds_none_of_which_has_a_class_is_refused():
    train = np.flatnonzero(Y < 2)
    model = SoftmaxRegressionCV(3, cv=[(train, np.arange(150))], refit=False)
    with pytest.raises(ValueError, match=r"refit=False .* the classes \[2\]"):
        model.fit(X, Y)
    assert not hasattr(model, "coef_")
    assert model.set_params(refit=True).fit(X, Y).predict_proba(X).shape == (150, 3)


def test_rows_without_weight_are_neither_fitted_nor_scored():
    def share_right(estimator, X, y):
        return np.mean(estimator.predict(X) == y)

    kept = np.arange(150) % 4 > 0
    options = dict(Cs=[0.01, 0.1], scoring=share_right)
    one = SoftmaxRegressionCV(cv=KFold(3), **options).fit(X, Y, kept.astype(float))
    ends = np.cumsum([0, *(part.sum() for part in np.split(kept, 3))])
    tests = [np.arange(start, end) for start, end in pairwise(ends)]
    splits = [(np.setdiff1d(np.arange(ends[-1]), test), test) for test in tests]
    other = SoftmaxRegressionCV(cv=splits, **options).fit(X[kept], Y[kept])
    assert_allclose(one.scores_, other.scores_)


def test_steps_are_counted_by_fold():
    still = X.copy()
    still[:75] = 0
    halves = [(np.arange(75), np.arange(75, 150)), (np.arange(75, 150), np.arange(75))]
    model = SoftmaxRegressionCV([0.1, 1.0], l1_ratios=[1.0], cv=halves).fit(still, Y)
    assert (model.n_iter_[0] < model.n_iter_[1]).all()  # nothing but the way back to zero


def test_sparse_rows_of_many_scores_are_scored_as_dense_ones():
    random = np.random.default_rng(0)
    thin, y = thinned(random.standard_normal((240, 6))), random.permutation(240) % 12
    options = dict(Cs=[0.01, 0.1, 1, 10, 100, 1000], tol=1e-8)  # 72 scores of a row at a time
    dense = SoftmaxRegressionCV(**options).fit(thin, y)
    sparse = SoftmaxRegressionCV(**options).fit(sp.csr_array(thin), y)
    assert_allclose(sparse.scores_, dense.scores_, rtol=1e-6)


def test_many_classes_keep_tol_and_max_iter_in_both_precisions():
    rng = np.random.default_rng(0)
    y = rng.permutation(480) % 40
    X = (rng.standard_normal((40, 9))[y] + rng.standard_normal((480, 9))).astype(np.float32)
    options = dict(Cs=[0.01, 1, 100], cv=3)
    for rows in (X, X.astype(np.float64)):
        model = SoftmaxRegressionCV(tol=1e-7, **options).fit(rows, y)
        train = next(StratifiedKFold(3).split(rows, y))[0]
        for index, C in enumerate(options["Cs"]):
            alone = SoftmaxRegression(C, tol=1e-10).fit(rows[train], y[train])
            found = model.coefs_paths_[0, 0, index, :, :-1]
            # The ridge alone makes a gap of 1e-7 of the objective a distance of at most this.
            distance = np.sqrt(2 * C * len(train) * 2e-7 * alone.objective_)
            assert np.linalg.norm(found - alone.coef_) <= distance
        with pytest.warns(ConvergenceWarning):
            short = SoftmaxRegressionCV(tol=1e-7, max_iter=3, **options).fit(rows, y)
        assert short.n_iter_.max() <= 3


def test_sparse_groups_threads_and_what_is_printed(capsys):
    thin = thinned(X)
    groups = np.arange(150) % 5
    options = dict(Cs=3, l1_ratios=[1.0], cv=GroupKFold(3))
    one = SoftmaxRegressionCV(verbose=1, **options).fit(thin, Y, groups=groups)
    assert "] 12/12 fits, " in capsys.readouterr().out
    other = SoftmaxRegressionCV(n_jobs=2, **options).fit(sp.csr_array(thin), Y, groups=groups)
    assert_allclose(one.scores_, other.scores_, rtol=1e-5)


def test_bad_parameters_are_named():
    values = [
        {"Cs": 0}, {"Cs": [0.0]}, {"Cs": [1.0, np.inf]}, {"Cs": []},
        {"l1_ratios": [2.0]}, {"l1_ratios": []}, {"rule": "x"}, {"solver": "x"}, {"cv": []},
        {"cv": [([0, 1], [150])]}, {"penalty": "l1"}, {"solver": "saga"}, {"verbose": -1},
    ]  # fmt: skip
    kinds = [
        {"Cs": 1.0}, {"Cs": "10"}, {"Cs": iter([1.0])}, {"l1_ratios": 0.5}, {"l1_ratios": {0.5}},
        {"n_jobs": "2"}, {"verbose": "x"}, {"refit": 1}, {"penalty": GroupLasso},
    ]  # fmt: skip
    for error, cases in ((ValueError, values), (TypeError, kinds)):
        for bad in cases:
            with pytest.raises(error, match=next(iter(bad))):
                SoftmaxRegressionCV(**bad).fit(X, Y)
    with pytest.raises(ValueError, match="proximal"):
        SoftmaxRegressionCV(l1_ratios=[0.5], solver="lbfgs").fit(X, Y)
    with pytest.raises(ValueError, match="takes labels"):
        SoftmaxRegressionCV().fit(X, np.eye(3)[Y])


def test_a_group_lasso_without_an_l1_part_is_warned_of():
    for model in (SoftmaxRegressionCV(2, cv=CV), SoftmaxRegression()):
        with pytest.warns(UserWarning, match="GroupLasso.*l1_ratio"):
            model.set_params(penalty=GroupLasso()).fit(X, Y)
        model.set_params(penalty=GroupLasso([1, 2, 1, 1, 1, 1, 1, 1])).fit(X, Y)
    SoftmaxRegressionCV(2, cv=CV, l1_ratios=[0, 1], penalty=GroupLasso()).fit(X, Y)


def test_what_cannot_be_scored_names_the_fold():
    every, without = np.arange(150), np.flatnonzero(Y != 2)
    whole, rest = (every[50:], every[:50]), np.setdiff1d(every, without[9:])

    def needs_all(model, X, y):
        if model.coef_.any(axis=1).all() and len(np.unique(y)) == 3:
            return 0.0
        raise ValueError("not all")

    for bad, purpose in (((rest, without[9:]), "score"), ((without[9:], rest), "fit")):
        model = SoftmaxRegressionCV([0.1, 1.0], cv=[whole, bad], scoring=needs_all)
        match = rf"failed on fold 1, whose rows to {purpose} lack the classes \[2\]: not all"
        with pytest.raises(ValueError, match=match):
            model.fit(X, Y)
    with pytest.raises(ValueError, match=r"failed on fold 1.* score lack the classes \[2\]"):
        SoftmaxRegressionCV(cv=[whole, (rest, without[9:])], scoring="roc_auc_ovr").fit(X, Y)
    for answer in (np.nan, "x", [1.0, 2.0], None):
        model = SoftmaxRegressionCV([0.1], cv=CV, scoring=lambda *_, answer=answer: answer)
        with pytest.raises(ValueError, match="scoring failed on fold 0: "):
            model.fit(X, Y)


def test_one_weight_is_that_of_every_row_and_a_column_of_labels_is_warned_of_once():
    model = SoftmaxRegressionCV([0.1, 1.0], cv=CV)
    expected = model.fit(X, Y, np.full(150, 2.0)).scores_
    assert_array_equal(model.fit(X, Y, 2.0).scores_, expected)
    with pytest.raises(ValueError, match=r"\[150, 5\], of X and sample_weight"):
        model.fit(X, Y, np.ones(5))
    with pytest.warns(DataConversionWarning) as warned:
        model.fit(X, Y[:, None])
    assert len(warned) == 1


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_folds_that_cannot_be_fitted_or_scored_are_named(l1_ratio):
    ordered, every = np.argsort(Y), np.arange(150)
    lone = (ordered[:10], ordered[10:])
    nothing = (every, every[:0])
    for bad, match in ((lone, "fold 1 .* fewer"), (nothing, "fold 1 .* none")):
        with pytest.raises(ValueError, match=match):
            model = SoftmaxRegressionCV(2, l1_ratios=[l1_ratio], cv=[(every[1:], every[:1]), bad])
            model.fit(X, Y)
    weight = (every >= 50).astype(float)
    blocks = [(np.setdiff1d(every, part), part) for part in np.split(every, 3)]
    with pytest.raises(ValueError, match=r"fold 0 .* none"):
        SoftmaxRegressionCV(2, l1_ratios=[l1_ratio], cv=blocks).fit(X, Y, sample_weight=weight)
    one_class_after_fifty = ((every < 50) | (Y == 1)).astype(float)
    with pytest.raises(ValueError, match=r"fold 0 has fewer"):
        SoftmaxRegressionCV(2, l1_ratios=[l1_ratio], cv=blocks).fit(X, Y, one_class_after_fifty)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("kind", [np.asarray, np.zeros_like, sp.csr_array])
def test_without_an_intercept_scores_are_those_of_fits_made_apart(kind, n_classes):
    rows, y = draw(90, 3, n_classes)
    rows, cv = kind(rows), StratifiedKFold(3)
    model = SoftmaxRegressionCV([0.1, 1], cv=cv, fit_intercept=False, tol=1e-9).fit(rows, y)
    n_scores = 1 if n_classes == 2 else n_classes
    assert model.coefs_paths_.shape == (3, 1, 2, n_scores, 3)
    assert_array_equal(model.coef_path_[0, list(model.Cs_).index(model.C_)], model.coef_)
    for fold, (train, test) in enumerate(cv.split(rows, y)):
        for index, C in enumerate([0.1, 1]):
            one = SoftmaxRegression(C, fit_intercept=False, tol=1e-9).fit(rows[train], y[train])
            score = -log_loss(y[test], one.predict_proba(rows[test]))
            assert_allclose(model.scores_[fold, 0, index], score, rtol=1e-4)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_single_precision_is_kept(l1_ratio):
    options = dict(l1_ratios=[l1_ratio], cv=CV, tol=1e-7)
    one = SoftmaxRegressionCV([0.1, 1.0], **options).fit(X.astype(np.float32), Y)
    assert one.coef_.dtype == one.intercept_.dtype == one.predict_proba(X[:1].astype("f")).dtype
    assert one.coef_.dtype == np.float32 and one.coefs_paths_.dtype == np.float64
    other = SoftmaxRegressionCV([0.1, 1.0], **options).fit(X, Y)
    assert_allclose(one.scores_, other.scores_, rtol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("refit", [True, False])
def test_attributes_have_the_shapes_of_scikit_learns(refit, fit_intercept, n_classes):
    if not refit and parse_version(sklearn.__version__) < parse_version("1.9"):
        pytest.skip("scikit-learn 1.8 fails without an l1 part where refit is False")
    options = dict(Cs=[0.01, 0.1, 1.0], cv=CV, fit_intercept=fit_intercept, refit=refit)
    y = np.minimum(Y, n_classes - 1)
    model = SoftmaxRegressionCV(l1_ratios=[0.0], **options).fit(X, y)
    theirs = LogisticRegressionCV(
        l1_ratios=[0.0], scoring="neg_log_loss", use_legacy_attributes=False, **options
    ).fit(X, y)
    for name in vars(theirs):
        if name.endswith("_"):
            assert np.shape(getattr(model, name)) == np.shape(getattr(theirs, name)), name


def test_two_classes_are_one_row_of_coefficients():
    y = (Y == 1).astype(int)
    model = SoftmaxRegressionCV(3, l1_ratios=[0.5], cv=CV, scoring="roc_auc").fit(X, y)
    assert model.coef_.shape == (1, 8)
    assert_array_equal(model.predict(X), (model.decision_function(X) > 0).astype(int))


# Moderate values of C: rows that repeat change how wide data are reduced, and at C = 1e4 what the
# proofs of two such fits leave open is more than the check's tolerance.
@parametrize_with_checks(
    [SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3), SoftmaxRegressionCV(Cs=3, l1_ratios=[0.5], cv=3)]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", None])
def test_score_is_by_scoring(scoring):
    weight = np.random.default_rng(0).uniform(0.5, 2, 150)
    model = SoftmaxRegressionCV([0.1, 1.0], cv=CV, scoring=scoring).fit(X, Y, weight)
    proba = model.predict_proba(X)
    right = model.predict(X) == Y
    for own in (None, weight):
        expected = np.average(right, weights=own)
        if scoring == "neg_log_loss":
            expected = -log_loss(Y, proba, sample_weight=own)
        assert_allclose(model.score(X, Y, own), expected, rtol=1e-9)
    with pytest.raises(ValueError, match="7"):
        SoftmaxRegressionCV([1.0], cv=CV).fit(X, Y).score(X, np.full(150, 7))


@pytest.mark.parametrize("scoring", [
    "neg_brier_score", "d2_brier_score", "d2_log_loss_score", "roc_auc_ovr", "neg_log_loss", "f1",
    "average_precision", "roc_auc", "balanced_accuracy",
])  # fmt: skip
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_of_text_are_scored_as_their_numbers(n_classes, scoring):
    if n_classes == 3 and scoring in ("f1", "roc_auc"):
        pytest.skip("a score of two classes")
    y = np.minimum(Y, n_classes - 1)
    names = np.array(["no", "other", "yes"])[[0, 2] if n_classes == 2 else [0, 1, 2]]
    by_number, by_name, by_object = (
        SoftmaxRegressionCV([0.1, 1.0], cv=CV, scoring=scoring).fit(X, labels)
        for labels in (y, names[y], names[y].astype(object))
    )
    assert_array_equal(by_name.scores_, by_number.scores_)
    assert_array_equal(by_object.scores_, by_number.scores_)
    assert by_name.score(X, names[y]) == by_number.score(X, y)
    assert list(by_name.classes_) == list(names)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_to_sklearn_is_the_chosen_model(l1_ratio):
    model = SoftmaxRegressionCV([0.1, 1.0], l1_ratios=[l1_ratio], cv=CV).fit(X, Y)
    theirs = model.to_sklearn()
    assert isinstance(theirs, LogisticRegression)
    assert theirs.C == model.C_ and theirs.l1_ratio == l1_ratio
    assert_allclose(theirs.predict_proba(X), model.predict_proba(X), rtol=1e-9)


def test_the_path_of_all_data_ends_in_the_chosen_fit():
    model = SoftmaxRegressionCV(4, l1_ratios=[0.0, 1.0], cv=CV).fit(X, Y)
    assert model.coef_path_.shape == (2, 4, 3, 9)
    ratio, index = list(model.l1_ratios_).index(model.l1_ratio_), list(model.Cs_).index(model.C_)
    assert_array_equal(model.coef_path_[ratio, index, :, :-1], model.coef_)
    assert_array_equal(model.coef_path_[ratio, index, :, -1], model.intercept_)


def test_the_log_loss_of_many_models_is_that_of_each():
    random, scorer = np.random.default_rng(0), scorer_of("neg_log_loss")
    for n_scores, X_of in ((1, X), (4, sp.csr_array(X)), (4, X.astype(np.float32))):
        coefs = 20 * random.standard_normal((3, n_scores, 8))
        intercepts = random.standard_normal((3, n_scores))
        intercepts[1, -1] = -np.inf if n_scores > 1 else 0.0
        classes = np.array(list("adez"))[: max(2, n_scores)]
        y, weight = random.choice(classes, len(Y)), random.uniform(0.5, 2, len(Y))
        found = scorer.of_linear(coefs, intercepts, classes, X_of, y, sample_weight=weight)
        for coef, intercept, score in zip(coefs, intercepts, found, strict=True):
            model = SoftmaxRegression()
            model.coef_, model.intercept_, model.classes_ = coef, intercept, classes
            model.n_features_in_ = 8
            assert_allclose(score, scorer(model, X_of, y, sample_weight=weight), rtol=1e-11)


def test_metadata_are_routed():
    weight, groups = np.random.default_rng(0).integers(1, 3, 150).astype(float), np.arange(150) % 8
    plain = SoftmaxRegressionCV([0.1, 1.0], cv=GroupKFold(3))
    expected = plain.fit(X, Y, weight, groups=groups).scores_
    with pytest.raises(TypeError, match="routing"):
        plain.fit(X, Y, extra=groups)
    wanted = plain.get_metadata_routing()
    known = {"sample_weight", "groups", "other"}
    assert wanted.consumes("fit", known) == {"sample_weight", "groups"}
    with config_context(enable_metadata_routing=True):
        model = SoftmaxRegressionCV([0.1, 1.0], cv=GroupKFold(3)).set_fit_request(
            sample_weight=True
        )
        assert_allclose(model.fit(X, Y, sample_weight=weight, groups=groups).scores_, expected)
        assert_allclose(model.score(X, Y, sample_weight=weight), plain.score(X, Y, weight))
        whole = cross_validate(
            model, X, Y, cv=GroupKFold(2), params={"sample_weight": weight, "groups": groups},
            scoring=make_scorer(accuracy_score).set_score_request(sample_weight=True),
            return_estimator=True,
        )  # fmt: skip
        first = next(GroupKFold(2).split(X, Y, groups))[0]
        inner = plain.fit(X[first], Y[first], weight[first], groups=groups[first])
        assert_allclose(whole["estimator"][0].scores_, inner.scores_)
        unasked = make_scorer(accuracy_score).set_score_request(sample_weight=False)
        model.set_params(scoring=unasked).fit(X, Y, sample_weight=weight, groups=groups)
        sizes = [len(test) for _, test in GroupKFold(3).split(X, Y, groups)]
        right = model.scores_ * np.reshape(sizes, (3, 1, 1))
        assert_allclose(right, np.round(right), atol=1e-9)  # of rows, not of weights
        parts = make_scorer(lambda y, _, of_rows, of_all: len(of_rows) / len(y) + of_all)
        parts = parts.set_score_request(of_rows=True, of_all=True)
        model.set_params(scoring=parts).fit(X, Y, groups=groups, of_rows=list(groups), of_all=7)
        assert (model.scores_ == 8).all()


def test_a_scorer_without_weights_is_not_given_any():
    def share_right(estimator, X, y):
        return np.mean(estimator.predict(X) == y)

    model = SoftmaxRegressionCV([0.1, 1.0], cv=CV, scoring=share_right).fit(X, Y, np.ones(150))
    same = SoftmaxRegressionCV([0.1, 1.0], cv=CV, scoring="accuracy").fit(X, Y)
    assert_allclose(model.scores_, same.scores_)


def test_fits_that_are_not_proved_are_counted_in_a_warning():
    model = SoftmaxRegressionCV([0.1, 1.0], cv=CV, max_iter=0)
    with pytest.warns(ConvergenceWarning, match="8 fits of the path"):
        model.fit(X, Y)
    assert (model.n_iter_ == 0).all() and (model.coef_ == 0).all()
    model = SoftmaxRegressionCV([0.1, 1.0], cv=CV, max_iter=2, tol=1e-12)
    with pytest.warns(ConvergenceWarning, match="fits of the path"):
        model.fit(X, Y)
    assert model.n_iter_.max() == 2


@pytest.mark.parametrize("little", [0, 10**9])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("kind", [np.array, np.float32, sp.csr_array])
def test_folds_that_are_copied_give_the_models_of_those_that_are_not(
    kind, l1_ratio, little, monkeypatch
):
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 4))
    y = np.argmax(X[:, :3] + random.gumbel(size=(300, 3)), axis=1)
    weight, splits = random.integers(0, 3, 300), StratifiedKFold(3, shuffle=True, random_state=0)
    monkeypatch.setattr("sksoftmax._objective.rows.LITTLE", little)
    X = kind(X)
    model = SoftmaxRegressionCV([0.1, 1.0], l1_ratios=[l1_ratio], cv=splits, tol=1e-9)
    model.fit(X, y, sample_weight=weight)
    for number, (train, _) in enumerate(splits.split(X, y)):
        alone = SoftmaxRegression(1.0, l1_ratio=l1_ratio, tol=1e-9)
        alone.fit(X[train], y[train], sample_weight=weight[train])
        found = model.coefs_paths_[number, 0, 1, :, :-1]
        np.testing.assert_allclose(found, alone.coef_, atol=2e-3)
