"""
Soft targets: counts in the place of labels
===========================================

At each setting of an experiment several trials were made and their outcomes counted. The shares of
the outcomes are the target of that row, and the number of trials is its weight. The fit is the same
as that of one row a trial, on a fraction of the rows.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from sksoftmax import SoftmaxRegression, softmax

rng = np.random.default_rng(0)
dose = np.linspace(-2, 2, 15)[:, None]
chances = softmax(dose * [2.0, 0.0, -1.5] + [-0.5, 0.8, 0.0])
trials = rng.integers(10, 60, len(dose))
counts = rng.multinomial(trials, chances)

shares = counts / trials[:, None]
model = SoftmaxRegression(C=10, tol=1e-9).fit(dose, shares, sample_weight=trials)

grid = np.linspace(-2.2, 2.2, 200)[:, None]
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
truth = softmax(grid * [2.0, 0.0, -1.5] + [-0.5, 0.8, 0.0])
for k, name in enumerate(("none", "some", "full")):
    ax.plot(grid, truth[:, k], ":", color=f"C{k}")
    ax.plot(grid, model.predict_proba(grid)[:, k], color=f"C{k}", label=f"effect: {name}")
    ax.scatter(dose, shares[:, k], s=2 * trials, color=f"C{k}", alpha=0.6, linewidths=0)
ax.set(
    xlabel="log dose",
    ylabel="share of trials",
    title="dots: counted; lines: fitted; dotted: true",
)
ax.legend()
plt.show()

# %%
# One row a trial gives the same model:

each = np.repeat(dose, trials, axis=0)
outcome = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
long = SoftmaxRegression(C=10, tol=1e-9).fit(each, outcome)
difference = np.abs(long.predict_proba(grid) - model.predict_proba(grid)).max()
print(f"{len(shares)} rows of shares, {len(each)} rows of labels")
print(f"the same probabilities to four digits: {difference < 1e-4}")
