"""Probabilities for SVC, which loses its own: SVC(probability=True) is on its way out."""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from sksoftmax import SoftmaxCalibratedClassifier
from sksoftmax.metrics import expected_calibration_error, log_loss_decomposition

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

MODELS = {
    "CalibratedClassifierCV": CalibratedClassifierCV(SVC(), ensemble=False),
    "plain softmax": SoftmaxCalibratedClassifier(SVC(), None),
    "temperature": SoftmaxCalibratedClassifier(SVC(), "temperature"),
    "auto": SoftmaxCalibratedClassifier(SVC()),
}

print(f"{'SVC and':24}{'log loss':>10}{'of it, mendable':>17}{'ECE':>8}{'accuracy':>10}")
for name, model in MODELS.items():
    probabilities = model.fit(X_train, y_train).predict_proba(X_test)
    loss = log_loss(y_test, probabilities)
    mendable = log_loss_decomposition(y_test, probabilities).calibration
    error = expected_calibration_error(y_test, probabilities)
    accuracy = accuracy_score(y_test, model.predict(X_test))
    print(f"{name:24}{loss:10.4f}{mendable:17.4f}{error:8.4f}{accuracy:10.4f}")

model = MODELS["auto"]
print(f"\nauto chose {model.calibrator_.calibration_!r}")
print("the classifier itself is there as well:", model.estimator_)
