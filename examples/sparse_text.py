"""Text as a sparse matrix: many columns, few entries a row."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sksoftmax import SoftmaxRegression

TOPICS = {
    "garden": "soil seed root leaf prune shade bloom compost water hedge bulb frost weed trellis",
    "kitchen": "oven flour simmer butter salt knife dough roast sauce boil spoon herb yeast water",
    "weather": "wind rain cloud front frost storm gust shade pressure thaw hail fog forecast water",
}
EVERYWHERE = [f"word{i}" for i in range(3000)]


def write(topic, rng):
    """A text of 40 words, four of which have to do with the topic."""
    words = rng.choice(TOPICS[topic].split(), 4).tolist() + rng.choice(EVERYWHERE, 36).tolist()
    return " ".join(rng.permutation(words))


rng = np.random.default_rng(0)
topics = rng.choice(list(TOPICS), 2000)
texts = [write(topic, rng) for topic in topics]
train, test, y_train, y_test = train_test_split(texts, topics, random_state=0)

pipeline = make_pipeline(TfidfVectorizer(), SoftmaxRegression(C=10)).fit(train, y_train)
vectorizer, model = pipeline
X = vectorizer.transform(train)
print(f"matrix     {X.shape[0]} x {X.shape[1]}, {X.nnz / np.prod(X.shape):.1%} of it not zero")
print(f"fit        {model.n_iter_} steps, converged_ = {model.converged_}")
print(f"accuracy   {pipeline.score(test, y_test):.3f} on texts not seen")

words = vectorizer.get_feature_names_out()
for name, row in zip(model.classes_, model.coef_, strict=True):
    print(f"{name:<10} {', '.join(words[np.argsort(-row)[:5]])}")

sentence = "water, shade and a little frost"
print(f"{sentence!r}:")
for name, probability in zip(model.classes_, pipeline.predict_proba([sentence])[0], strict=True):
    print(f"{name:<10} {probability:.3f}")
