"""
Dask: sums over chunks
======================

Given a Dask array, ``fit`` evaluates each chunk where it is and adds the results. An evaluation of
the objective therefore moves as many numbers as there are coefficients, however many rows there
are, and the number of passes over the data decides how long a fit takes.
"""

# %%
# An array of 16 chunks, made when it is asked for. Here Dask's threads do the work; with a
# ``distributed.Client`` the same lines run on a cluster.

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np

from sksoftmax import SoftmaxRegression

N_ROWS, N_COLUMNS, CHUNKS = 40_000, 20, 16
random = da.random.default_rng(0)
X = random.normal(size=(N_ROWS, N_COLUMNS), chunks=(N_ROWS // CHUNKS, N_COLUMNS))
X = X * np.logspace(0, 3, N_COLUMNS)  # columns in units from 1 to 1000
coef = np.random.default_rng(1).normal(size=(N_COLUMNS, 3)) / np.logspace(0, 3, N_COLUMNS)[:, None]
scores = X @ coef / 2
noise = -da.log(-da.log(random.uniform(size=scores.shape, chunks=scores.chunks)))
y = (scores + noise).argmax(axis=1)

X, y = dask.persist(X, y)
model = SoftmaxRegression().fit(X, y)
in_memory = SoftmaxRegression().fit(X.compute(), y.compute())
difference = np.abs((model.coef_ - in_memory.coef_) * X.std(axis=0).compute()).max()
print("the same as in memory, to eight digits:", bool(difference < 1e-8))

# %%
# Predictions are lazy, chunk by chunk: an array of probabilities that is never whole in memory
# unless you ask for it. Here each chunk gives the histogram of its confidences.

probabilities = model.predict_proba(X)
confidence = probabilities.max(axis=1)
counts, edges = da.histogram(confidence, bins=np.linspace(1 / 3, 1, 30))
right = model.predict(X) == y
hits, _ = da.histogram(confidence, bins=edges, weights=right.astype(float))
counts, hits = dask.compute(counts, hits)

gap = model.objective_curve_ - (model.objective_ - model.gap_)
figure, (left, middle) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.semilogy(gap, "o-")
left.set(
    xlabel="steps",
    ylabel="objective - proved lower bound",
    title="each step is a few sums over chunks",
)
middle.bar(edges[:-1], counts, np.diff(edges), align="edge", color="0.8", label="all rows")
middle.bar(edges[:-1], hits, np.diff(edges), align="edge", color="C0", label="right")
middle.set(xlabel="confidence", ylabel="rows", title="added over 16 chunks")
middle.legend()
plt.show()
print(type(probabilities).__name__, "of", probabilities.npartitions, "chunks")
