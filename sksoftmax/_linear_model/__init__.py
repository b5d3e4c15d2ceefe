"""SoftmaxRegression and SoftmaxRegressionCV: estimators, prediction and monitoring.

Estimators pass input to ``_data``, make a problem by ``_problems``, run a solver of ``_solvers`` or
a path of ``_paths``, and keep the coefficients. Parameters, fitted attributes, callbacks and
progress live here. How an objective is evaluated or a gap is proved must not be known here.
"""
