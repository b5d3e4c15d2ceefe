"""Pickles outlive the files of the package: they hold public names, and say who wrote them."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pickled_models import MODELS, answers, read, rows

import sksoftmax
from sksoftmax._data import pickling

EACH = pytest.mark.parametrize("name", MODELS)
KEPT = list(read())


class Names(pickle.Unpickler):
    """Reads a pickle and keeps the names that it looks up."""

    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.found = set()

    def find_class(self, module, name):
        self.found.add((module, name))
        return super().find_class(module, name)


@EACH
def test_a_pickle_names_what_is_public(name):
    reader = Names(pickle.dumps(MODELS[name].fit()))
    reader.load()
    private = {
        (module, attribute) for module, attribute in reader.found
        if module.split(".")[0] in ("sksoftmax", "builtins")
        and (module, attribute) not in {("sksoftmax", public) for public in sksoftmax.__all__}
    }  # fmt: skip
    assert not private


@EACH
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_a_copy_predicts_and_goes_on_as_the_original(name, again):
    model = MODELS[name].fit()
    other = again(model)
    assert vars(other).keys() == vars(model).keys()
    for one, two in zip(answers(name, other), answers(name, model), strict=True):
        assert_array_equal(one, two)


@EACH
def test_equal_fits_have_equal_hashes_and_pickles(name):
    one, other = MODELS[name].fit(), MODELS[name].fit()
    assert joblib.hash(one) == joblib.hash(other) == joblib.hash(copy.deepcopy(one))
    assert len(pickle.dumps(one)) == len(pickle.dumps(other))


def test_a_stream_is_in_a_pickle_only_where_one_began():
    for name, model in MODELS.items():
        assert ("Stream" in str(getattr(model.fit(), "_stream", ""))) == name.startswith("stream")


@pytest.mark.parametrize(
    "version, name, data, expected", KEPT, ids=[f"{kept[0]} {kept[1]}" for kept in KEPT]
)
def test_kept_pickles_predict_as_they_did_or_say_what_to_do(version, name, data, expected):
    try:
        model = pickle.loads(data)
    except ValueError as error:
        assert version != sksoftmax.__version__, "write them again: see pickled_models.py"
        assert f"pickled by sksoftmax {version}" in str(error)
        return
    found = answers(name, model)
    # Scores are of order 10; a step of a stream solves systems of condition numbers below 1e4.
    factors = [100, 1e6]
    for one, two, factor in zip(found, expected, factors, strict=False):
        assert_allclose(one, two, rtol=factor * np.finfo(rows(name).dtype).eps)


def test_this_version_has_kept_every_model():
    names = {name for version, name, *_ in KEPT if version == sksoftmax.__version__}
    assert names == MODELS.keys()


@EACH
def test_a_pickle_of_another_format_says_who_wrote_it(name, monkeypatch):
    model = MODELS[name].fit()
    monkeypatch.setattr(pickling, "FORMAT", 99)
    monkeypatch.setattr(pickling, "__version__", "9.9.9")
    data = pickle.dumps(model)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"pickled by sksoftmax 9\.9\.9.*Fit it again, or load it"):
        pickle.loads(data)


@pytest.mark.parametrize("name", ["stream, sgd", "transformer, vector"])
@pytest.mark.parametrize("change", [{pickling.RECORD: "Gone"}, {"gone": 1}])
def test_a_record_that_is_gone_says_who_wrote_it(name, change):
    model = MODELS[name].fit()
    state = model.__getstate__()
    attribute = next(key for key, value in state.items() if pickling.RECORD in str(value))
    state[attribute] = state[attribute] | change
    with pytest.raises(ValueError, match=r"cannot read it\. Fit it again"):
        type(model).__new__(type(model)).__setstate__(state)
