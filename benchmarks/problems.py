"""The problems: seeded data of every kind that a softmax regression may meet.

Each is a function of the options that returns a :class:`Problem`; its docstring is its line in
the report. Labels are drawn from a softmax model unless it says otherwise, so that the classes
overlap.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.sparse as sp
from real_data import diamonds as read_diamonds
from real_data import letters as read_letters
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfTransformer

PROBLEMS = {}


@dataclass(frozen=True)
class Problem:
    X: object
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    C: float = 1.0

    @property
    def n_classes(self):
        return len(np.unique(self.y))

    @property
    def shape(self):
        return (*self.X.shape, self.n_classes)


def problem(function):
    """Enter a function into the registry, under its name with hyphens."""
    PROBLEMS[function.__name__.replace("_", "-")] = function
    return function


def draw_labels(random, scores):
    """Labels with probabilities softmax(scores), by the largest of noisy scores."""
    return np.argmax(scores + random.gumbel(size=scores.shape), axis=1)


def gaussian(n_rows, n_columns, n_classes, seed=0, sharpness=2.0):
    """Independent standard normal columns; scores have about ``sharpness`` standard deviation."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_rows, n_columns))
    coef = sharpness / np.sqrt(n_columns) * random.standard_normal((n_columns, n_classes))
    return Problem(X, draw_labels(random, X @ coef))


@problem
def easy(options):
    """independent standard normal columns"""
    return gaussian(50_000, 50, 5)


@problem
def scaled(options):
    """easy, with columns in units from 1 to 1e4"""
    made = easy(options)
    return Problem(made.X * np.logspace(0, 4, 50), made.y)


@problem
def offset(options):
    """scaled, with means a hundred times the standard deviation"""
    made = scaled(options)
    return Problem(made.X + 100 * np.logspace(0, 4, 50), made.y)


@problem
def correlated(options):
    """columns are random mixtures of one another"""
    made = gaussian(20_000, 100, 10, seed=1)
    mixture = np.random.default_rng(2).standard_normal((100, 100)) / 10
    return Problem(made.X @ mixture, made.y)


@problem
def binary(options):
    """two classes"""
    return gaussian(100_000, 30, 2, seed=3)


@problem
def many_rows(options):
    """rows in plenty, few columns"""
    return gaussian(300_000 if options.quick else 1_000_000, 20, 5, seed=4)


@problem
def weights(options):
    """sample weights spread over three orders of magnitude"""
    made = gaussian(50_000, 30, 4, seed=5)
    weight = np.random.default_rng(6).lognormal(sigma=1.5, size=len(made.y))
    return Problem(made.X, made.y, weight)


@problem
def many_classes(options):
    """a hundred classes"""
    return gaussian(20_000, 100, 100, seed=7, sharpness=3.0)


@problem
def hundreds_of_classes(options):
    """embeddings: a thousand columns, two hundred classes, few rows of each"""
    return gaussian(5_000, 1_000, 200, seed=8, sharpness=4.0)


@problem
def image_like(options):
    """smooth strokes on 28 x 28 pixels between 0 and 1, mostly empty, with constant borders"""
    images, y = strokes(10_000, truncate=3)
    images[:, [0, 1, -2, -1], :] = images[:, :, [0, 1, -2, -1]] = 0
    return Problem(images.reshape(len(y), -1), y)


def strokes(n_rows, truncate=4):
    """Images (n_rows, 28, 28) of ten classes; noise is smoothed over so many deviations."""
    random = np.random.default_rng(9)
    y = random.integers(10, size=n_rows)
    fields = scipy.ndimage.gaussian_filter(random.standard_normal((10, 28, 28)), (0, 3, 3))
    noise = random.standard_normal((n_rows, 28, 28))
    noise = scipy.ndimage.gaussian_filter(noise, (0, 2, 2), truncate=truncate)
    heights = fields[y] / fields.std() + 1.5 * noise / noise.std()
    return np.clip(heights - 0.8, 0, 1), y


@problem
def digits(options):
    """real: scikit-learn's 8 x 8 digits, pixels from 0 to 16; nearly separable"""
    return Problem(*load_digits(return_X_y=True))


@problem
def letters(options):
    """real: 16 measures of images of the 26 letters"""
    return Problem(*read_letters(options.wheels))


@problem
def diamonds(options):
    """real: cut of diamonds from price, carat, ... as they are, and dummies, which are collinear"""
    return Problem(*read_diamonds(options.wheels))


@problem
def wild(options):
    """lognormal columns in units from 1 to 1e5, rare classes that are nearly separable"""
    return lognormal(0, 5)


@problem
def tiny_units(options):
    """wild, with units from 1e-3: the penalty all but forbids some columns"""
    return lognormal(-3, 5)


def lognormal(first, last):
    """Correlated lognormal columns in units from ``10 ** first`` to ``10 ** last``."""
    random = np.random.default_rng(10)
    n_rows, n_columns, n_classes = 30_000, 16, 14
    factors = random.standard_normal((n_rows, 6))
    mixture = random.standard_normal((6, n_columns)) / np.sqrt(6)
    columns = np.exp(factors @ mixture + 0.1 * random.standard_normal((n_rows, n_columns)))
    X = columns * 10.0 ** random.uniform(first, last, n_columns)
    standard = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    rarity = -np.log(np.arange(1, n_classes + 1))
    scores = 40 * standard @ random.standard_normal((n_columns, n_classes)) + 45 * rarity
    return Problem(X, draw_labels(random, scores))


@problem
def wide(options):
    """more columns than rows, driven by twenty factors"""
    random = np.random.default_rng(11)
    factors = random.standard_normal((300, 20))
    loadings = random.standard_normal((20, 5_000)) / np.sqrt(20)
    X = factors @ loadings + 0.5 * random.standard_normal((300, 5_000))
    return Problem(X, draw_labels(random, factors @ random.standard_normal((20, 5))))


@problem
def text(options):
    """sparse: words by Zipf's law, a third of them from the topic; tf-idf, rows of length 1"""
    return Problem(*documents(10_000, 20_000, 20))


def documents(n_rows, n_words, n_topics):
    random = np.random.default_rng(12)
    y = random.integers(n_topics, size=n_rows)
    lengths = random.lognormal(4.5, 0.5, size=n_rows).astype(int) + 1
    rows = np.repeat(np.arange(n_rows), lengths)
    frequency = 1 / np.arange(1, n_words + 1)
    words = random.choice(n_words, size=len(rows), p=frequency / frequency.sum())
    vocabularies = np.array([random.permutation(n_words) for _ in range(n_topics)])
    of_topic = random.random(len(rows)) < 1 / 3
    words[of_topic] = vocabularies[y[rows[of_topic]], words[of_topic]]
    counts = sp.csr_array((np.ones(len(rows)), (rows, words)), shape=(n_rows, n_words))
    return sp.csr_array(TfidfTransformer().fit_transform(counts)), y


@problem
def one_hot(options):
    """sparse: six categorical columns of 10 to 100 levels each, some of them rare, as dummies"""
    random = np.random.default_rng(13)
    n_rows, sizes = 50_000, (100, 80, 60, 30, 20, 10)
    starts = np.cumsum((0, *sizes[:-1]))
    levels = np.stack([draw_levels(random, n_rows, size) for size in sizes], axis=1) + starts
    pointer = np.arange(0, 6 * n_rows + 1, 6)
    X = sp.csr_array((np.ones(6 * n_rows), levels.ravel(), pointer), shape=(n_rows, sum(sizes)))
    return Problem(X, draw_labels(random, X @ random.standard_normal((sum(sizes), 5))))


def draw_levels(random, n_rows, n_levels):
    frequency = 1 / np.arange(1, n_levels + 1)
    return random.choice(n_levels, size=n_rows, p=frequency / frequency.sum())
