"""DecisionScores: the scores of a classifier, cross-fitted where something learns from them."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksoftmax import DecisionScores, SoftmaxTransformer

NAMES = np.array(["ash", "birch", "cedar"])


def make_data(n_classes=3, n_samples=90, named=True):
    X, y = make_classification(
        n_samples=n_samples,
        n_features=5,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        class_sep=0.7,
        random_state=0,
    )
    return X, NAMES[y] if named else y


def exact_linear_svc():
    # The weight checks compare to 1e-7, which liblinear reaches only with a small tol.
    return LinearSVC(dual=False, tol=1e-10)


# -- scikit-learn's checks ----------------------------------------------------------------------

CROSS_FITTED = "the scores of fit_transform are cross-fitted, those of transform are not"


def expected_failures(estimator):
    if estimator.cv is None:
        return {}
    return {
        "check_transformer_general": CROSS_FITTED,
        "check_transformer_data_not_an_array": CROSS_FITTED,
    }


@parametrize_with_checks(
    [
        DecisionScores(LogisticRegression(), cv=None),
        DecisionScores(exact_linear_svc(), cv=None),
        DecisionScores(GaussianNB(), cv=None),
        DecisionScores(LogisticRegression()),
        DecisionScores(exact_linear_svc()),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# -- what the scores are ------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_decision_function_is_taken(n_classes):
    X, y = make_data(n_classes)
    answer = DecisionScores(LogisticRegression()).fit(X, y).transform(X)
    expected = LogisticRegression().fit(X, y).decision_function(X)
    assert answer.shape == (90, 1 if n_classes == 2 else 3)
    assert_array_equal(answer, expected.reshape(90, -1))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("classifier", [GaussianNB(), KNeighborsClassifier()])
def test_log_probabilities_are_taken_where_there_is_no_decision_function(classifier, n_classes):
    X, y = make_data(n_classes)
    answer = DecisionScores(classifier).fit(X, y).transform(X)
    expected = clone(classifier).fit(X, y).predict_proba(X)
    assert answer.shape == (90, n_classes)
    assert_allclose(np.exp(answer), expected, rtol=1e-12, atol=1e-300)


def test_a_probability_of_zero_has_a_finite_score():
    X, y = make_data()
    forest = RandomForestClassifier(n_estimators=3, random_state=0)
    scores = DecisionScores(forest, cv=None).fit_transform(X, y)
    zero = forest.fit(X, y).predict_proba(X) == 0
    assert zero.any()
    assert_array_equal(scores[zero], np.log(np.finfo(np.float64).tiny))
    assert SoftmaxTransformer().fit_transform(scores)[zero].max() < 1e-300


class TwoColumns(ClassifierMixin, BaseEstimator):
    """A classifier whose decision function has the wrong number of columns."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return np.zeros((len(X), 2))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_column_for_each_class_or_else_an_error(n_classes):
    X, y = make_data(n_classes)
    transformer = DecisionScores(TwoColumns(), cv=None).fit(X, y)
    with pytest.raises(ValueError, match=r"TwoColumns.* shape \(90, 2\).* one score"):
        transformer.transform(X)


# -- cross-fitting ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("classifier", [LogisticRegression(), GaussianNB()])
@pytest.mark.parametrize(
    "cv",
    [
        3,
        StratifiedKFold(3),
        KFold(4, shuffle=True, random_state=0),
        list(StratifiedKFold(3).split(*make_data(2))),
    ],
    ids=["int", "stratified", "shuffled", "list"],
)
def test_the_scores_of_a_row_come_from_a_fit_without_it(cv, classifier, n_classes):
    X, y = make_data(n_classes)
    scores = DecisionScores(classifier, cv=cv).fit_transform(X, y)
    if isinstance(cv, int):
        cv = StratifiedKFold(cv)
    splits = cv if isinstance(cv, list) else cv.split(X, y)
    expected = np.empty_like(scores)
    for train, test in splits:
        in_sample = DecisionScores(classifier, cv=None).fit(X[train], y[train])
        expected[test] = in_sample.transform(X[test])
    assert_array_equal(scores, expected)


def test_the_scores_of_new_rows_come_from_a_fit_to_all_rows():
    X, y = make_data()
    transformer = DecisionScores(LogisticRegression(), cv=3)
    cross_fitted = transformer.fit_transform(X, y)
    expected = LogisticRegression().fit(X, y).decision_function(X)
    assert_array_equal(transformer.transform(X), expected)
    assert np.abs(cross_fitted - expected).max() > 0.05


def test_five_folds_are_the_default():
    X, y = make_data()
    expected = DecisionScores(LogisticRegression(), cv=StratifiedKFold(5)).fit_transform(X, y)
    assert_array_equal(DecisionScores(LogisticRegression()).fit_transform(X, y), expected)


def test_without_cv_scores_are_in_sample():
    X, y = make_data()
    transformer = DecisionScores(LogisticRegression(), cv=None)
    assert_array_equal(transformer.fit_transform(X, y), transformer.transform(X))


def test_a_generator_of_splits_is_taken():
    X, y = make_data()
    splits = StratifiedKFold(3).split(X, y)
    expected = DecisionScores(LogisticRegression(), cv=3).fit_transform(X, y)
    answer = DecisionScores(LogisticRegression(), cv=splits).fit_transform(X, y)
    assert_array_equal(answer, expected)


def test_class_weights_by_label_reach_the_folds():
    X, y = make_data()
    classifier = LogisticRegression(class_weight={"ash": 5.0, "birch": 1.0, "cedar": 1.0})
    weighted = DecisionScores(classifier).fit_transform(X, y)
    plain = DecisionScores(LogisticRegression()).fit_transform(X, y)
    assert weighted[:, 0].mean() > plain[:, 0].mean() + 0.1


def test_a_class_that_a_training_part_lacks_is_named():
    X, y = make_data()
    y = np.where(np.arange(len(y)) == 7, "lonely", y)
    transformer = DecisionScores(LogisticRegression(), cv=KFold(3))
    with pytest.raises(ValueError, match=r"no row of class .*'lonely'"):
        transformer.fit_transform(X, y)
    assert not hasattr(transformer, "estimator_")
    assert DecisionScores(LogisticRegression(), cv=None).fit_transform(X, y).shape == (90, 4)


def test_test_parts_that_overlap_are_refused():
    X, y = make_data()
    cv = ShuffleSplit(3, random_state=0)
    with pytest.raises(ValueError, match="partitions"):
        DecisionScores(LogisticRegression(), cv=cv).fit_transform(X, y)


def test_a_meaningless_cv_is_refused():
    X, y = make_data()
    with pytest.raises(ValueError, match="cv"):
        DecisionScores(LogisticRegression(), cv="five").fit_transform(X, y)


# -- frozen classifiers -------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [None, 5])
def test_a_frozen_classifier_is_not_fitted(cv):
    X, y = make_data()
    fitted = LogisticRegression().fit(X[:60], y[:60])
    transformer = DecisionScores(FrozenEstimator(fitted), cv=cv)
    scores = transformer.fit_transform(X[60:], y[60:])
    assert_array_equal(scores, fitted.decision_function(X[60:]))
    assert_array_equal(transformer.transform(X), fitted.decision_function(X))
    assert_array_equal(transformer.classes_, NAMES)


def test_a_frozen_classifier_needs_no_folds():
    X, y = make_data()
    fitted = LogisticRegression().fit(X, y)
    scores = DecisionScores(FrozenEstimator(fitted), cv=5).fit_transform(X[:2], y[:2])
    assert_array_equal(scores, fitted.decision_function(X[:2]))


# -- what is refused ----------------------------------------------------------------------------

OVO = SVC(decision_function_shape="ovo")


@pytest.mark.parametrize(
    "classifier",
    [
        OVO,
        make_pipeline(StandardScaler(), OVO),
        GridSearchCV(OVO, {"C": [1.0]}, cv=2),
        GridSearchCV(make_pipeline(StandardScaler(), OVO), {"svc__C": [1.0]}, cv=2),
    ],
    ids=["svc", "pipeline", "search", "search of pipelines"],
)
def test_scores_of_pairs_of_classes_are_refused(classifier):
    X, y = make_data()  # three classes have three pairs: the shape alone would not tell
    for frozen in (classifier, FrozenEstimator(clone(classifier).fit(X, y))):
        with pytest.raises(ValueError, match="each pair of classes"):
            DecisionScores(frozen).fit_transform(X, y)


def test_two_classes_have_one_pair():
    X, y = make_data(2)
    answer = DecisionScores(OVO).fit(X, y).transform(X)
    assert_array_equal(answer, DecisionScores(SVC()).fit(X, y).transform(X))


@pytest.mark.parametrize("estimator", [LinearRegression(), IsolationForest(n_estimators=2)])
def test_no_classifier_is_a_type_error(estimator):
    X, y = make_data(2, named=False)
    with pytest.raises(TypeError, match=rf"must be a classifier.*{type(estimator).__name__}"):
        DecisionScores(estimator, cv=None).fit(X, y)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_targets_that_are_not_one_label_a_row_are_refused(method):
    X, y = make_data(2, named=False)
    transformer = DecisionScores(KNeighborsClassifier())
    with pytest.raises(ValueError, match="one label a row"):
        getattr(transformer, method)(X, np.column_stack([y, 1 - y]))
    with pytest.raises(ValueError, match="Unknown label type"):
        getattr(transformer, method)(X, X[:, 0])


@pytest.mark.parametrize("classifier", [GaussianNB(), KNeighborsClassifier()])
def test_labels_of_a_single_class_are_refused(classifier):
    X, _ = make_data()
    with pytest.raises(ValueError, match="two classes or more"):
        DecisionScores(classifier).fit_transform(X, np.zeros(len(X)))


def test_a_failed_fit_leaves_the_last_one_alone():
    X, y = make_data()
    transformer = DecisionScores(LogisticRegression()).fit(X, y)
    before = transformer.estimator_
    transformer.set_params(estimator=OVO)
    with pytest.raises(ValueError, match="each pair"):
        transformer.fit(X, y)
    assert transformer.estimator_ is before


def test_nothing_is_transformed_before_fit():
    transformer = DecisionScores(LogisticRegression())
    with pytest.raises(NotFittedError):
        transformer.transform(make_data()[0])
    with pytest.raises(NotFittedError):
        transformer.get_feature_names_out()


# -- weights and metadata -----------------------------------------------------------------------


def make_weights():
    return np.random.default_rng(0).integers(1, 4, size=90).astype(float)


@pytest.mark.parametrize("cv", [None, StratifiedKFold(3)])
def test_weights_reach_every_fit(cv):
    X, y = make_data()
    weights = make_weights()
    transformer = DecisionScores(LogisticRegression(), cv=cv)
    scores = transformer.fit_transform(X, y, sample_weight=weights)
    everything = np.arange(90)
    for train, test in cv.split(X, y) if cv else [(everything, everything)]:
        part = LogisticRegression().fit(X[train], y[train], sample_weight=weights[train])
        assert_array_equal(scores[test], part.decision_function(X[test]))
    whole = LogisticRegression().fit(X, y, sample_weight=weights)
    assert_array_equal(transformer.transform(X), whole.decision_function(X))


def test_weights_for_a_classifier_that_takes_none_are_refused():
    X, y = make_data()
    with pytest.raises(TypeError, match="sample_weight"):
        DecisionScores(KNeighborsClassifier()).fit(X, y, sample_weight=make_weights())


def test_metadata_are_routed_to_the_classifier_and_the_splitter():
    X, y = make_data()
    weights, groups = make_weights(), np.arange(90) % 3
    splits = list(GroupKFold(3).split(X, y, groups))
    plain = DecisionScores(LogisticRegression(), cv=splits)
    expected = plain.fit_transform(X, y, sample_weight=weights)
    with config_context(enable_metadata_routing=True):
        # The name under which the weights come is free.
        classifier = LogisticRegression().set_fit_request(sample_weight="w")
        transformer = DecisionScores(classifier, cv=GroupKFold(3))
        pipeline = make_pipeline(transformer, SoftmaxTransformer())
        pipeline.fit(X, y, w=weights, groups=groups)
        answer = transformer.fit_transform(X, y, w=weights, groups=groups)
    assert_array_equal(answer, expected)
    assert_array_equal(transformer.transform(X), plain.transform(X))
    assert_allclose(pipeline[:-1].transform(X), plain.transform(X))


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_metadata_that_nobody_requested_are_refused(method):
    X, y = make_data()
    with config_context(enable_metadata_routing=True):
        transformer = DecisionScores(LogisticRegression())
        with pytest.raises(ValueError, match="sample_weight"):
            getattr(transformer, method)(X, y, sample_weight=make_weights())
        with pytest.raises(TypeError, match="nonsense"):
            getattr(transformer, method)(X, y, nonsense=1)


def test_there_is_one_place_to_request_weights():
    transformer = DecisionScores(LogisticRegression())
    assert not hasattr(transformer, "set_fit_request")
    assert hasattr(transformer.estimator, "set_fit_request")


# -- X is passed on as it is --------------------------------------------------------------------


class ColumnReader(ClassifierMixin, BaseEstimator):
    """A classifier that reads its scores from a column of a data frame, by name."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        assert X["text"][X.index[0]].startswith("row")
        return self

    def decision_function(self, X):
        return X["score"].to_numpy()


def test_data_frames_stay_data_frames():
    X, y = make_data(2)
    frame = pd.DataFrame({"score": X[:, 0], "text": [f"row {row}" for row in range(len(X))]})
    answer = DecisionScores(ColumnReader(), cv=3).fit_transform(frame, y)
    assert_array_equal(answer, X[:, :1])


@pytest.mark.parametrize("make_sparse", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_matrices_stay_sparse(make_sparse):
    X, y = make_data()
    X[np.abs(X) < 0.5] = 0
    expected = DecisionScores(exact_linear_svc()).fit_transform(X, y)
    answer = DecisionScores(exact_linear_svc()).fit_transform(make_sparse(X), y)
    assert_allclose(answer, expected, rtol=1e-6, atol=1e-8)


def test_kernel_matrices_are_split_on_both_sides():
    X, y = make_data()
    expected = DecisionScores(SVC(kernel="linear")).fit_transform(X, y)
    answer = DecisionScores(SVC(kernel="precomputed")).fit_transform(X @ X.T, y)
    assert_allclose(answer, expected, rtol=1e-6)


def test_tags_are_those_of_the_classifier():
    assert get_tags(DecisionScores(LogisticRegression())).input_tags.sparse
    assert not get_tags(DecisionScores(GaussianNB())).input_tags.sparse
    assert get_tags(DecisionScores(SVC(kernel="precomputed"))).input_tags.pairwise
    assert get_tags(DecisionScores(GaussianNB())).target_tags.required


# -- scikit-learn's manners ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "classifier, n_classes, n_columns",
    [
        (LogisticRegression(), 2, 1),
        (LogisticRegression(), 3, 3),
        (GaussianNB(), 2, 2),
        (GaussianNB(), 3, 3),
    ],
)
def test_names_of_the_columns(classifier, n_classes, n_columns):
    transformer = DecisionScores(classifier, cv=None)
    assert transformer.fit_transform(*make_data(n_classes)).shape[1] == n_columns
    expected = [f"decisionscores{column}" for column in range(n_columns)]
    assert_array_equal(transformer.get_feature_names_out(), expected)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("container, frame", [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_data_frames_are_taken_and_given(cv, container, frame):
    X, y = make_data()
    X_frame = frame({name: X[:, column] for column, name in enumerate("abcde")})
    transformer = DecisionScores(LogisticRegression(), cv=cv).set_output(transform=container)
    answer = transformer.fit_transform(X_frame, y)
    assert isinstance(answer, frame)
    assert list(answer.columns) == [f"decisionscores{column}" for column in range(3)]
    expected = DecisionScores(LogisticRegression(), cv=cv).fit_transform(X, y)
    assert_allclose(np.asarray(answer), expected, rtol=1e-6)
    assert isinstance(transformer.transform(X_frame), frame)


def test_features_are_those_of_the_classifier():
    X, y = make_data()
    transformer = DecisionScores(LogisticRegression()).fit(pd.DataFrame(X, columns=[*"abcde"]), y)
    assert transformer.n_features_in_ == 5
    assert_array_equal(transformer.feature_names_in_, [*"abcde"])
    transformer.fit(X[:, :4], y)
    assert transformer.n_features_in_ == 4
    assert not hasattr(transformer, "feature_names_in_")


@pytest.mark.parametrize("copy", [clone, lambda fitted: pickle.loads(pickle.dumps(fitted))])
def test_copies_answer_the_same(copy):
    X, y = make_data()
    transformer = DecisionScores(LogisticRegression(), cv=3).fit(X, y)
    copied = copy(transformer)
    assert copied.cv == 3
    assert_array_equal(copied.fit(X, y).transform(X), transformer.transform(X))


def test_the_given_classifier_is_not_fitted():
    classifier = LogisticRegression()
    DecisionScores(classifier).fit_transform(*make_data())
    assert not hasattr(classifier, "classes_")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_from_a_pipeline(n_classes):
    X, y = make_data(n_classes)
    pipeline = make_pipeline(DecisionScores(LinearSVC()), SoftmaxTransformer())
    probabilities = pipeline.fit(X, y).transform(X)
    assert probabilities.shape == (90, n_classes)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
    predicted = pipeline[0].classes_[probabilities.argmax(axis=1)]
    assert_array_equal(predicted, LinearSVC().fit(X, y).predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_logistic_regression_gives_its_own_probabilities(n_classes):
    X, y = make_data(n_classes)
    pipeline = make_pipeline(DecisionScores(LogisticRegression()), SoftmaxTransformer())
    expected = LogisticRegression().fit(X, y).predict_proba(X)
    assert_allclose(pipeline.fit(X, y).transform(X), expected, rtol=1e-10)
