"""A model leaves Python: scikit-learn's own estimator, ONNX, and the same probabilities.

`to_sklearn()` gives a fitted LogisticRegression, which tools that know scikit-learn convert. Needs
skl2onnx and onnxruntime: ``pip install skl2onnx onnxruntime``.

Run: python examples/export_onnx.py
"""

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import SoftmaxRegression

X, y = load_wine(return_X_y=True)
names = np.array(["barolo", "grignolino", "barbera"])[y]
scaler = StandardScaler().fit(X)
model = SoftmaxRegression().fit(scaler.transform(X), names)

pipeline = make_pipeline(scaler, model.to_sklearn())
options = {"zipmap": False}  # probabilities as a matrix, and not as a list of dictionaries
exported = to_onnx(pipeline, X[:1], options={id(pipeline): options})
print(f"size of the ONNX file      {len(exported.SerializeToString()):,} bytes")

session = onnxruntime.InferenceSession(exported.SerializeToString())
labels, probabilities = session.run(None, {"X": X})
expected = model.predict_proba(scaler.transform(X))
print(f"largest difference         {np.abs(probabilities - expected).max():.0e}")
print(f"the same labels            {bool((labels == model.predict(scaler.transform(X))).all())}")
