"""Fits: time to a distance from the optimum, on every problem, by every contestant."""

from problems import PROBLEMS
from race import TARGETS, race
from real_data import NotAvailable
from solvers import contestants
from stopwatch import isolated
from tables import RIVALS, geometric_mean, ratio, ratio_text, row, seconds, table, time_cell

TITLE = "Time to the optimum"


def measure(options):
    """Outcome of each problem, by name."""
    outcomes = {}
    for name in options.problems:
        try:
            outcomes[name] = isolated(race_on, name, options)
        except NotAvailable as reason:
            print(f"{name}: skipped, {reason}", flush=True)
            continue
        print(progress(name, outcomes[name]), flush=True)
    return outcomes


def race_on(name, options):
    named = {name: each for name, each in contestants().items() if name in options.solvers}
    return race(PROBLEMS[name](options), named, repeats=options.repeats, limit=options.limit)


def progress(name, outcome):
    ratios = [
        ratio_text(ratio(outcome, index, RIVALS["best of scikit-learn"]))
        for index in range(len(TARGETS))
    ]
    return f"{name} {outcome['shape']}: best of scikit-learn over ours {', '.join(ratios)}"


def markdown(outcomes):
    parts = [overview(outcomes)]
    for index, target in enumerate(TARGETS):
        parts.append(f"### CPU seconds to within {target:.0e} of the optimum\n")
        parts.append(times(outcomes, index))
    parts.append(refusals(outcomes))
    parts += ["### Under default settings\n", defaults(outcomes)]
    parts += ["### The problems\n", descriptions(outcomes)]
    return "\n".join(parts)


def overview(outcomes):
    """Geometric means and the worst problem, against each kind of rival."""
    rows = []
    for rival, names in RIVALS.items():
        cells = [f"{rival}, over sksoftmax auto"]
        for index in range(len(TARGETS)):
            found = {name: ratio(each, index, names) for name, each in outcomes.items()}
            found = {name: each for name, each in found.items() if each}
            if not found:
                cells += ["-", "-", "-"]
                continue
            worst = min(found, key=lambda name: found[name].factor)
            bounds = sum(each.sign == ">" for each in found.values())
            mean = geometric_mean([each.factor for each in found.values()])
            cells.append(f"{'>' if bounds else ''}{mean:.1f}")
            cells.append(f"{ratio_text(found[worst])} ({worst})")
            cells.append(f"{bounds} of {len(found)}")
        rows.append(row(cells))
    heads = ["ratio of times"]
    for target in TARGETS:
        heads += [f"geometric mean, {target:.0e}", "worst problem", "never got there"]
    return table(heads, rows)


def times(outcomes, index):
    """A row for each problem: everybody's time, the least in bold, and ratios."""
    names = racer_names(outcomes)
    rows = []
    for name, outcome in outcomes.items():
        found = {racer: outcome["racers"].get(racer) for racer in names}
        reached = [each["targets"][index] for each in found.values() if each and "targets" in each]
        least = min((each["seconds"] for each in reached if each), default=None)
        title = name if outcome["known"] else f"{name} (optimum not known)"
        cells = [title, *(time_cell(each, index, least) for each in found.values())]
        cells += [ratio_text(ratio(outcome, index, rivals)) for rivals in RIVALS.values()]
        rows.append(row(cells))
    return table(["problem", *names, *(f"{rival} / auto" for rival in RIVALS)], rows)


def defaults(outcomes):
    """Time and end of each contestant that is left alone."""
    names = racer_names(outcomes)
    rows = []
    for name, outcome in outcomes.items():
        cells = [name]
        for racer in names:
            result = outcome["racers"].get(racer, {}).get("default")
            cells.append(default_cell(result) if result else "-")
        rows.append(row(cells))
    legend = (
        "Seconds, relative distance from the optimum at the end, and ⚠ where the package warned "
        "that it had not converged.\n"
    )
    return legend + "\n" + table(["problem", *names], rows)


def default_cell(result):
    warned = " ⚠" if result["warned"] else ""
    return f"{seconds(result['seconds'])}, {max(result['above'], 0):.0e}{warned}"


def descriptions(outcomes):
    rows = []
    for name, outcome in outcomes.items():
        n_rows, n_columns, n_classes = outcome["shape"]
        cells = [name, PROBLEMS[name].__doc__, f"{n_rows:,}", f"{n_columns:,}", n_classes]
        cells += [f"{outcome['optimum']:.6g}", f"{outcome['reference']['gap']:.0e}"]
        cells.append(f"{outcome['agreement']:.0e}")
        rows.append(row(cells))
    heads = ["problem", "what it is", "rows", "columns", "classes", "optimum"]
    return table([*heads, "proved to", "next package agrees to"], rows)


def refusals(outcomes):
    lines = []
    for name, outcome in outcomes.items():
        for racer, result in outcome["racers"].items():
            if "refusal" in result:
                lines.append(f"{racer} on {name} ({result['refusal']})")
    return "Not run: " + "; ".join(lines) + ".\n" if lines else ""


def racer_names(outcomes):
    """Names in the order of the registry, of those that ran on some problem."""
    present = {racer for outcome in outcomes.values() for racer in outcome["racers"]}
    return [name for name in contestants() if name in present]
