"""The table of a fit, as text and as HTML."""

from dataclasses import dataclass
from html import escape

import numpy as np

COLUMNS = ("coef", "std err", "z", "P>|z|")


@dataclass(frozen=True, eq=False)
class Summary:
    """A table that prints as text, and shows as HTML in a notebook.

    facts : list of (name, value), both str, above the table
    tables : list of (title, rows), a row being a name and its numbers
    headings : tuple of str, of the columns of numbers
    notes : list of str, below
    """

    facts: list
    tables: list
    headings: tuple
    notes: list

    def __str__(self):
        rows = [row for _, table in self.tables for row in table]
        titles = [title for title, _ in self.tables]
        first = max(len(text) for text in [row[0] for row in rows] + titles)
        widths = [
            max(len(heading), *(len(row[1 + i]) for row in rows))
            for i, heading in enumerate(self.headings)
        ]
        lines = [_line(title, self.headings, first, widths) for title in titles]
        width = len(lines[0])
        text = [
            "Softmax regression".center(width).rstrip(),
            "=" * width,
            *_pairs(self.facts, width),
        ]
        for heading, (_, table) in zip(lines, self.tables, strict=True):
            text += ["=" * width, heading, "-" * width]
            text += [_line(row[0], row[1:], first, widths) for row in table]
        return "\n".join([*text, "=" * width, *self.notes])

    __repr__ = __str__

    def _repr_html_(self):
        facts = "".join(_html_row("td", fact) for fact in self.facts)
        parts = [f"<table><caption>Softmax regression</caption>{facts}</table>"]
        for title, table in self.tables:
            head = _html_row("th", (title, *self.headings))
            parts.append(f"<table>{head}{''.join(_html_row('td', row) for row in table)}</table>")
        return "".join([*parts, *(f"<p>{escape(note)}</p>" for note in self.notes)])


def _line(name, cells, first, widths):
    padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([name.ljust(first), *padded])


def _pairs(facts, width):
    """Facts in two columns."""
    half = (width - 2) // 2
    lines = [f"{name}: {value.rjust(max(1, half - len(name) - 2))}" for name, value in facts]
    left, right = lines[: -(-len(lines) // 2)], lines[-(-len(lines) // 2) :]
    right += [""] * (len(left) - len(right))
    return [f"{a.ljust(half)}  {b}".rstrip() for a, b in zip(left, right, strict=True)]


def _html_row(tag, cells):
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def number(value):
    """A number in at most 9 characters."""
    if np.isnan(value):
        return "nan"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


def summary(inference, level):
    """The Summary of an Inference."""
    lower, upper = inference.confidence_interval(level)
    arrays = inference.coef, inference.std_error, inference.z, inference.p_value, lower, upper
    tables = []
    for k, label in enumerate(inference.classes.tolist()):
        rows = []
        for j, feature in enumerate(inference.features.tolist()):
            values = [array[k, j] for array in arrays]
            cells = [number(v) for v in values]
            cells[2], cells[3] = (f"{v:.3f}" for v in values[2:4])
            rows.append((str(feature), *cells))
        tables.append((f"class {label}", rows))
    tail = 50 * (1 - level)
    headings = (*COLUMNS, f"[{tail / 100:.4g}", f"{1 - tail / 100:.4g}]")
    return Summary(_facts(inference), tables, headings, _notes(inference))


def _facts(inference):
    facts = {
        "Rows": f"{inference.n_rows}",
        "Sum of weights": number(inference.weight_sum),
        "Degrees of freedom": number(inference.degrees_of_freedom),
        "Covariance": inference.covariance,
        "Weights": inference.weights,
        "Log likelihood": number(inference.log_likelihood),
        "Of intercepts alone": number(inference.log_likelihood_null),
        "Pseudo R2 (McFadden)": number(inference.pseudo_r2()),
        "AIC": number(inference.aic),
        "BIC": number(inference.bic),
    }
    return list(facts.items())


def _notes(inference):
    if inference.reference is None:
        notes = ["Coefficients are those of each class against the mean of all classes."]
    else:
        notes = [f"Coefficients are against the class {inference.reference}."]
    if inference.is_penalised:
        notes.append(
            "A penalty shrinks the coefficients: intervals are about their expectation, not about "
            "the coefficients without a penalty."
        )
    return notes
