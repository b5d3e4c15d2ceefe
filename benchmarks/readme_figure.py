"""The figure of the README and of the site's home: time to the optimum, from docs/benchmarks.md.

    python benchmarks/readme_figure.py

It draws the table "CPU seconds to within 1e-06 of the optimum" as it stands there, and measures
nothing.
"""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
HEADING = "### CPU seconds to within 1e-06 of the optimum\n"
RATIO = "best of scikit-learn / auto"
OURS, THEIRS = "sksoftmax auto", ("sklearn lbfgs", "sklearn newton-cg", "sklearn newton-cholesky")


def table(page):
    """The rows of the table under HEADING, each a dict of its cells by heading."""
    lines = page.split(HEADING)[1].strip().split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def seconds(cell):
    """Seconds, and whether the target was reached by then; None if it was not run."""
    number = re.search(r"[\d.]+", cell)
    return (float(number[0]), not cell.startswith(">")) if number else None


def best(row):
    """The least time of scikit-learn's solvers; where none arrived, when the last was stopped."""
    times = [time for name in THEIRS if (time := seconds(row[name]))]
    arrived = [time for time in times if time[1]]
    return min(arrived) if arrived else max(times)


def draw(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "sksoftmax", "svg.fonttype": "path"})
    from matplotlib import pyplot

    rows = sorted(rows, key=lambda row: best(row)[0] / seconds(row[OURS])[0])
    figure, ax = pyplot.subplots(figsize=(8, 4.6), layout="constrained")
    for height, row in enumerate(rows):
        (ours, _), (theirs, arrived) = seconds(row[OURS]), best(row)
        ax.plot([ours, theirs], [height, height], color="0.8", linewidth=1.5, zorder=1)
        ax.plot(ours, height, "o", color="#0b3d91")
        ax.plot(theirs, height, "s" if arrived else ">", color="#cc5500")
        ax.annotate(f"{row[RATIO]}x", (theirs, height), (8, 0),
                    textcoords="offset points", va="center", color="0.35", fontsize=8)  # fmt: skip
    ax.plot([], [], "o", color="#0b3d91", label="sksoftmax, defaults")
    ax.plot([], [], "s", color="#cc5500", label="best solver of scikit-learn")
    ax.plot([], [], ">", color="#cc5500", label="no solver was there when stopped")
    ax.set(xscale="log", xlabel="CPU seconds to within a millionth of the optimum",
           yticks=range(len(rows)), yticklabels=[row["problem"] for row in rows])  # fmt: skip
    ax.margins(x=0.12)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color="0.92")
    ax.set_axisbelow(True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    page = (DOCS / "benchmarks.md").read_text("utf-8")
    draw(table(page), DOCS / "_static" / "time-to-optimum.svg")
