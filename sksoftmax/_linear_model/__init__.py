"""SoftmaxRegression and SoftmaxRegressionCV: estimators, prediction and monitoring."""
