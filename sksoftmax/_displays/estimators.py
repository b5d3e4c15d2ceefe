"""The final estimator of pipelines and searches, and its feature names."""


def final_estimator(estimator):
    """The last estimator of searches and pipelines, and the names of its features.

    The names are those that the steps before it give its columns; None if they are unknown.
    """
    names = None
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            names = _names_before(estimator)
            estimator = estimator.steps[-1][1]
        else:
            return estimator, getattr(estimator, "feature_names_in_", names)


def _names_before(pipeline):
    """Names of the columns that reach the last step of a pipeline."""
    try:
        return pipeline[:-1].get_feature_names_out()
    except (AttributeError, TypeError, ValueError):  # a step that cannot tell, or is not fitted
        return None
