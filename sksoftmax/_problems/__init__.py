"""Problems: what a solver may ask of an objective, its value, gradient, curvature and gap.

Here it is decided, by the rules of ``_curvature.costs``, which curvature, proof and precision an
objective affords; ``build`` makes problems of encoded data and an estimator's parameters.
Arithmetic lies below. Paths, estimators and scikit-learn are not known here.
"""
