"""Statistical inference from a fitted model: standard errors, intervals, tests, influence.

`api` has `infer`, which rebuilds the objective of a fitted model (`fitted_model`, `objective`),
goes on to its optimum (`refinement`; `separation` names what keeps it from one), adds up the
information and the scores of the rows (`information`, or `wide` where the Hessian is too large to
hold), and makes their covariance (`sandwich`, `groups`). `inference` is the record that comes of
it, about an `estimate`. What the record answers is written one idea a file: `contrasts`,
`likelihood`, `wald`, `hypotheses`, `margins`, `predictions`, `influence`, `summary`, `frames`.

`held_out` has `approximate_leave_one_out`: `leave_one_out` takes a Newton step without each row in
the `free_parameters` of a fit, and `refit` goes on from there for the rows that move far.

The model is read by its public attributes: nothing here knows how it was
fitted, nor of regularisation paths, calibration or plots.
"""
