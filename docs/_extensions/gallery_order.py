"""The order of the gallery: from the function to the model, its probabilities, and large data."""

ORDER = (
    "plot_temperature",
    "plot_decision_regions",
    "plot_failed_to_converge",
    "plot_paths",
    "plot_digits",
    "plot_linear_probe",
    "plot_coefficient_intervals",
    "plot_calibration",
    "plot_soft_targets",
    "plot_class_weights",
    "plot_streams",
    "plot_dask",
)


def by_reading_order(filename):
    """Sort key of an example; those not listed follow by name."""
    name = filename.removesuffix(".py")
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)
