"""Ratios of times, and Markdown."""

import math
from typing import NamedTuple

OURS = "sksoftmax auto"
RIVALS = {
    "best of scikit-learn": ("sklearn lbfgs", "sklearn newton-cg", "sklearn newton-cholesky"),
    "scikit-learn lbfgs": ("sklearn lbfgs",),
    "scikit-learn-intelex": ("sklearnex lbfgs",),
}


class Ratio(NamedTuple):
    """``sign`` is ">" where the rival never got there, "<" where we did not."""

    factor: float
    sign: str


def ratio(outcome, index, rivals):
    """Time of the best of the rivals over ours; None where there is nothing to compare.

    Who never reached the target counts with the time that was spent on trying.
    """
    if not outcome["known"]:
        return None
    ours, ours_reached = least_time(outcome, index, (OURS,))
    theirs, theirs_reached = least_time(outcome, index, rivals)
    if not ours or not theirs or not (ours_reached or theirs_reached):
        return None
    sign = "" if ours_reached and theirs_reached else ">" if ours_reached else "<"
    return Ratio(theirs / ours, sign)


def least_time(outcome, index, names):
    """The least time of some racers, and whether it reached the target."""
    ran = [outcome["racers"].get(name) for name in names]
    ran = [each for each in ran if each and "targets" in each]
    reached = [each["targets"][index]["seconds"] for each in ran if each["targets"][index]]
    if reached:
        return min(reached), True
    return min((each["spent"] for each in ran), default=None), False


def geometric_mean(factors):
    return math.exp(sum(map(math.log, factors)) / len(factors))


def ratio_text(found):
    if found is None:
        return "-"
    digits = 2 if found.factor < 0.95 else 1 if found.factor < 10 else 0
    return f"{found.sign}{found.factor:.{digits}f}"


def time_cell(racer, index, least):
    """Seconds; bold if the least; ">" for who ran out of time, "never" for who gave up."""
    if not racer or "refusal" in racer:
        return "-"
    result = racer["targets"][index]
    if result is None:
        return f">{seconds(racer['spent'])}" if racer["out_of_time"] else "never"
    text = seconds(result["seconds"])
    return f"**{text}**" if result["seconds"] == least else text


def seconds(number):
    digits = 3 if number < 0.1 else 2 if number < 10 else 0
    return f"{number:.{digits}f}"


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(heads, rows):
    lines = [row(heads), "|---" * len(heads) + "|", *rows]
    return "\n".join(lines) + "\n"
