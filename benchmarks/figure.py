"""The figure: distance from the optimum against time, for six problems."""

from race import TARGETS
from solvers import contestants

SHOWN = ("easy", "scaled", "image-like", "wild", "many-classes", "text", "diamonds", "wide")
FLOOR = 1e-9  # nearer than this is drawn here

STYLES = {
    "sksoftmax auto": {"color": "#0b3d91", "linewidth": 2.6, "marker": "o"},
    "sksoftmax lbfgs": {"color": "#4a86e8", "marker": "s"},
    "sksoftmax newton": {"color": "#6fa8dc", "marker": "^"},
    "sksoftmax gd": {"color": "#9fc5e8", "marker": "v"},
    "sklearn lbfgs": {"color": "#cc5500", "linewidth": 2.0, "marker": "s"},
    "sklearn newton-cg": {"color": "#e69138", "marker": "D"},
    "sklearn newton-cholesky": {"color": "#f1c27d", "marker": "^"},
    "sklearnex lbfgs": {"color": "#6a9a3a", "marker": "P"},
}


def draw(outcomes, path):
    """Write the figure. False if matplotlib is missing or there is nothing to draw."""
    shown = [name for name in SHOWN if name in outcomes][:6]
    try:
        import matplotlib
    except ImportError:
        return False
    if not shown:
        return False
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "sksoftmax"  # the same drawing, the same file
    from matplotlib import pyplot

    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    figure, axes = pyplot.subplots(
        lines, columns, figsize=(4 * columns, 3 * lines + 0.9), sharey=True, squeeze=False
    )
    for name, axis in zip(shown, axes.flat, strict=False):
        draw_problem(axis, name, outcomes[name])
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("distance from the optimum")
    for axis in axes[-1]:
        axis.set_xlabel("CPU seconds")
    handles = dict(pair for axis in axes.flat for pair in legend_entries(axis))
    ordered = [name for name in contestants() if name in handles]
    figure.legend(
        [handles[name] for name in ordered], ordered, loc="lower center", ncols=4, frameon=False
    )
    figure.tight_layout(rect=(0, 0.55 / figure.get_figheight(), 1, 1))
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True


def draw_problem(axis, name, outcome):
    n_rows, n_columns, n_classes = outcome["shape"]
    axis.set_title(f"{name} ({n_rows:,} x {n_columns:,}, {n_classes} classes)", fontsize=10)
    axis.set(xscale="log", yscale="log", ylim=(FLOOR / 2, 50))
    for target in TARGETS:
        axis.axhline(target, color="0.8", linewidth=0.8, zorder=0)
    for racer, style in STYLES.items():
        curve = outcome["racers"].get(racer, {}).get("curve")
        if curve:
            points = frontier(curve)
            axis.plot(*zip(*points, strict=True), label=racer, markersize=4, **style)


def frontier(curve):
    """Settings that no cheaper one beats, by time."""
    points = []
    for entry in sorted(curve, key=lambda entry: entry["seconds"]):
        distance = max(entry["above"], FLOOR)
        if not points or distance < points[-1][1]:
            points.append((entry["seconds"], distance))
    return points


def legend_entries(axis):
    handles, labels = axis.get_legend_handles_labels()
    return zip(labels, handles, strict=True)
