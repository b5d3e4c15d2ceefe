"""The page: what was measured, where, when and how."""

import json
import os
import platform
import re
import subprocess
from datetime import date
from importlib import metadata
from pathlib import Path

import machine

RESULTS = Path(__file__).parent / "cache" / "results"
PACKAGES = ("sksoftmax", "numpy", "scipy", "scikit-learn", "scikit-learn-intelex")

FIRST = "Problems drawn at random"  # a section that is written by hand, and opens the page

COMMANDS = """\
```sh
pip install -e ".[plot]" scikit-learn-intelex
python benchmarks/run.py
```
"""

METHOD = """\
Every contestant minimises the same objective, that of scikit-learn's `LogisticRegression` at
`C=1`. Since each package's `tol` means another thing, none is trusted: each contestant runs
through its own tolerances, a power of ten at a time and with no end of iterations, an independent
evaluation in plain NumPy judges what it returns, and its time to a target is that of its cheapest
setting that came so near, relative to the optimum; its defaults count as a setting too. The
optimum is the best that anybody found, very tight fits included; the table of the problems says
how far it is proved and how near another package came to it, and where neither is within 1e-7, no
ratio is taken. Times are CPU seconds of the whole call of `fit`, checks of the data included, on
one thread, medians of several runs in which the contestants take turns; fits of more than a few
tenths of a second run less often. A fit is stopped after 20 seconds (2 in a quick run), or after
60 times the fastest fit to 1e-9 if that is sooner, and a contestant that has spent four times that
tries no further tolerance: `>3.0` means that it had not reached the target by then, `never` that
its strictest setting ended short of it. In ratios both count as the time of the longest fit, which
makes them lower bounds, marked `>`; `<` marks upper bounds, where sksoftmax was the one that did
not get there. `-` was not run.

**Limits.** One machine, a busy one at times; mostly made-up data, one seed each; no threads, no
GPU; powers of ten are a coarse grid, which costs a contestant up to a few steps; and the problems
were chosen by the authors of one of the packages, so look at the rows that resemble your data
rather than at the means.
"""


def conditions(command, quick):
    """Where and when a part is measured."""
    return {
        "date": date.today().isoformat(),
        "command": command,
        "quick": quick,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "machine": machine.description(),
        "versions": {"Python": platform.python_version()} | versions(),
    }


def versions():
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    import sksoftmax

    found["sksoftmax"] = f"{sksoftmax.__version__}{revision()}"
    return found


def revision():
    """The commit that the benchmarks lie in, if they lie in one."""
    command = ["git", "describe", "--always", "--dirty=, changed since"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f" ({done.stdout.strip()})"


def folder(quick):
    return RESULTS / ("quick" if quick else "full")


def save(part, findings, measured, *, merge):
    """Keep a part's findings; with ``merge``, those of other problems stay."""
    path = folder(measured["quick"]) / f"{part}.json"
    if merge and path.exists():
        findings = json.loads(path.read_text())["findings"] | findings
        measured = measured | {"merged": True}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"conditions": measured, "findings": findings}))


def load(part, quick):
    path = folder(quick) / f"{part}.json"
    return json.loads(path.read_text()) if path.exists() else None


def written_by_hand(text, parts):
    """The sections of a page that no part writes, which a new page keeps."""
    titles = {"Method", *(part.TITLE for part in parts.values())}
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return [section for section in sections if section[3:].partition("\n")[0] not in titles]


def page(parts, quick, figure, last=""):
    """All parts that have been measured, as one Markdown page.

    parts : dict of part modules by name
    figure : name of the figure's file, or None
    last : the page so far
    """
    stored = {name: load(name, quick) for name in parts}
    stored = {name: each for name, each in stored.items() if each}
    latest = max((each["conditions"] for each in stored.values()), key=lambda each: each["date"])
    known = ", ".join(f"{name} {version}" for name, version in latest["versions"].items())
    lines = ["# Benchmarks\n"]
    if quick:
        lines.append("**A quick run**, on less data and with fewer repetitions: only a check.\n")
    lines += [f"{latest['machine']}. {known}.\n", "Do it again with\n"]
    lines += [COMMANDS]
    by_hand = [section.rstrip() + "\n" for section in written_by_hand(last, parts)]
    lines += [section for section in by_hand if is_first(section)]
    lines += ["## Method\n", METHOD]
    for name, each in stored.items():
        lines.append(f"## {parts[name].TITLE}\n")
        lines.append(parts[name].markdown(each["findings"]))
        if name == "fits" and figure:
            lines.append(f"![Distance from the optimum against time]({figure})\n")
        lines.append(provenance(each["conditions"]))
    return "\n".join(lines + [section for section in by_hand if not is_first(section)])


def is_first(section):
    """Whether a section opens the page: the problems that nobody chose."""
    return section.startswith(f"## {FIRST}\n")


def provenance(measured):
    load_text = "" if measured["load"] is None else f", load {measured['load']} at the start"
    merged = "; problems it does not name are from earlier runs" if measured.get("merged") else ""
    return (
        f"*`{measured['command']}`, {measured['date']}, "
        f"sksoftmax {measured['versions']['sksoftmax']}{load_text}{merged}.*\n"
    )
