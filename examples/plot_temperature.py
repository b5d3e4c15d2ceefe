"""
The temperature of softmax
==========================

A temperature divides the scores before softmax. It says how sure the probabilities are, and never
changes which class comes first. On the triangle of all probabilities of three classes, the
probabilities of one row of scores follow a curve as the temperature falls: from the middle, where
all classes are alike, to a corner, where one class has everything.
"""

# %%
# Three rows of scores
# --------------------
# Each row of scores is one curve. The dots mark the temperatures 4, 1 and 1/4.

import matplotlib.pyplot as plt
import numpy as np

from sksoftmax import softmax

scores = np.array([[1.0, 0.2, -1.2], [-0.8, 0.9, 0.6], [-0.6, -0.9, 1.5]])
temperatures = np.logspace(2, -2, 200)
corners = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4), width_ratios=[1, 1.1], layout="constrained"
)
left.fill(*corners.T, facecolor="0.97", edgecolor="0.4")
for row in scores:
    curve = np.array([softmax(row, temperature=t) for t in temperatures]) @ corners
    (line,) = left.plot(*curve.T)
    for temperature in (4, 1, 0.25):
        point = softmax(row, temperature=temperature) @ corners
        left.plot(*point, "o", color=line.get_color(), markersize=2 + 4 / temperature**0.5)
for corner, name, align in zip(corners, "ABC", ("right", "left", "center"), strict=True):
    left.text(*(corner + 0.09 * (corner - corners.mean(axis=0))), name, ha=align, va="center")
left.set(aspect="equal", title="probabilities on the triangle", ylim=(-0.1, 1))
left.axis("off")

probabilities = np.array([softmax(scores[1], temperature=t) for t in temperatures])
for column, name in zip(probabilities.T, "ABC", strict=True):
    right.plot(temperatures, column, label=f"class {name}")
right.set(
    xscale="log",
    xlabel="temperature",
    ylabel="probability",
    title="the second row of scores",
    ylim=(0, 1),
)
right.legend()
plt.show()

# %%
# Low temperatures tell even close scores apart: class C, second here, needs a temperature above
# 1/10 to be seen at all. The order of the classes is the same at every temperature.

for temperature in (4, 1, 0.25):
    print(f"temperature {temperature:<5}", softmax(scores[1], temperature=temperature).round(3))
