"""Scores to probabilities: calibration maps learned from labels, and their estimators.

`transforms` are invertible steps of scores; `temperature` and `learners` fit them to a `sample`,
`selection` chooses among them, and `reliability` bins confidences for the metrics. The estimators
are in `transformer`, `decision_scores` and `calibrated_classifier`. To add a calibration, write a
learner and enter it in `learners.LEARNERS`. Input is checked by `_data`, and maps are fitted by
`_problems` and `_solvers`: nothing here knows of regression models, regularisation paths or plots.
"""
