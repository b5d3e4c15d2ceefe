"""What the estimators that wrap a classifier share: its features, and where metadata go."""

from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from sksoftmax._data.pickling import PicklingMixin


class WrapperMixin(PicklingMixin):
    """Features are those that the fitted classifier has seen, ``estimator_``."""

    @property
    def n_features_in_(self):
        """Number of features that the fitted classifier has seen."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the features that the fitted classifier has seen."""
        return self.estimator_.feature_names_in_


def router(wrapper, *, fitting, splitting):
    """Where metadata go: to the classifier's ``fit`` and the splitter's ``split``.

    fitting, splitting : names of the wrapper's methods that fit, and that split
    """
    to_fit, to_split = MethodMapping(), MethodMapping()
    for name in fitting:
        to_fit.add(caller=name, callee="fit")
    for name in splitting:
        to_split.add(caller=name, callee="split")
    found = MetadataRouter(owner=wrapper).add(estimator=wrapper.estimator, method_mapping=to_fit)
    if hasattr(wrapper.cv, "get_metadata_routing"):
        found.add(splitter=wrapper.cv, method_mapping=to_split)
    return found
