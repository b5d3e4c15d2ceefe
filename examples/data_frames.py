"""Data frames in, data frames out. Needs pandas."""

import pandas as pd
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sksoftmax import DecisionScores, SoftmaxRegression, SoftmaxTransformer

iris = load_iris(as_frame=True)
X = iris.data.rename(columns=lambda name: name.removesuffix(" (cm)"))
y = iris.target.map(dict(enumerate(iris.target_names)))  # labels may be strings

model = SoftmaxRegression().fit(X, y)
print("Coefficients, with the names that fit has seen:")
print(pd.DataFrame(model.coef_, model.classes_, model.feature_names_in_).round(2).to_string())

print("\nColumns in another order are an error, not a wrong answer:")
try:
    model.predict(X[X.columns[::-1]])
except ValueError as error:
    print(f"  {str(error).splitlines()[0]}")

svc = LinearSVC(random_state=0)
probable = make_pipeline(DecisionScores(svc), SoftmaxTransformer(temperature=0.5))
probable.set_output(transform="pandas")
print("\nProbabilities as a data frame, after set_output(transform='pandas'):")
print(probable.fit(X, y).transform(X.iloc[::60]).round(2).to_string())
