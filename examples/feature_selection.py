"""Select features: the lightest model whose cross-validated loss is as good as the best."""

import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksoftmax import GroupLasso, PathDisplay, SoftmaxRegression, SoftmaxRegressionCV

data = load_breast_cancer()
train, test, y_train, y_test = train_test_split(data.data, data.target, random_state=0)
# A penalty is fair only to columns in like units.
scaler = StandardScaler().fit(train)
train, test = scaler.transform(train), scaler.transform(test)

for rule in ("best", "1se"):
    model = SoftmaxRegressionCV(Cs=30, l1_ratios=[1.0], rule=rule, tol=1e-5).fit(train, y_train)
    kept = (model.coef_ != 0).any(axis=0)
    loss = log_loss(y_test, model.predict_proba(test))
    print(f"{rule:<5} C = {model.C_:.3g}  {kept.sum()} features  log loss {loss:.4f}")
print("features kept:", ", ".join(data.feature_names[kept]))

if find_spec("matplotlib"):
    import matplotlib

    matplotlib.use("Agg")  # draws to files, without a window
    import matplotlib.pyplot as plt

    # What cross-validation found, and how features come in one after the other.
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    PathDisplay.from_estimator(model, ax=left)
    PathDisplay.from_estimator(model, ax=right, kind="coefficients", most_names=4)
    file = Path(tempfile.gettempdir()) / "feature_selection.png"
    figure.savefig(file)
    print(f"drawn in {file}")

ridge = SoftmaxRegression().fit(train, y_train)
print(f"all 30 features without l1  log loss {log_loss(y_test, ridge.predict_proba(test)):.4f}")

# With many classes a feature is only saved if no class needs it: the group lasso.
X, y = load_digits(return_X_y=True)
group = SoftmaxRegression(C=0.02, l1_ratio=1.0, penalty=GroupLasso(), tol=1e-4).fit(X, y)
pixels = (group.coef_ != 0).any(axis=0).reshape(8, 8)
print(f"digits: {pixels.sum()} of 64 pixels")
print("\n".join("".join(" #"[int(pixel)] for pixel in row) for row in np.asarray(pixels)))
