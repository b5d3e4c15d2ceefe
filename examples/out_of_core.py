"""Fit a file that is several times larger than the memory allowed.

``fit`` takes a memory-mapped array as it is and reads it a block at a time; the system may forget
each block as soon as it was read. A limit on the process's own memory shows that no copy is made.
"""

import tempfile
from pathlib import Path

import numpy as np

from sksoftmax import SoftmaxRegression

try:
    import resource
except ImportError:  # not on this system: no limit is set
    resource = None

N_ROWS, N_COLUMNS, N_CLASSES = 500_000, 50, 4
ALLOWED = 50 * 2**20


def write(folder):
    """The file, written in pieces, and the labels."""
    random = np.random.default_rng(0)
    coef = random.normal(size=(N_COLUMNS, N_CLASSES)) / 4
    shape = (N_ROWS, N_COLUMNS)
    X = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=np.float64, shape=shape)
    y = np.empty(N_ROWS, dtype=np.uint8)
    for start in range(0, N_ROWS, 10_000):
        rows = random.normal(size=(10_000, N_COLUMNS))
        scores = rows @ coef
        X[start : start + 10_000] = rows * np.logspace(0, 4, N_COLUMNS) + 1e5
        y[start : start + 10_000] = np.argmax(scores + random.gumbel(size=scores.shape), axis=1)
    X.flush()
    return y


def own_memory():
    """Bytes of the process's own; pages of mapped files, which are the system's, don't count."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmData:")[1].split()[0])


def limit_memory():
    """Allow so much beyond what Python and its libraries hold already."""
    if resource is None or not Path("/proc/self/status").exists():
        return "no limit on this system"
    SoftmaxRegression().fit(np.eye(3), [0, 1, 2])  # libraries that are loaded on first use
    most = own_memory() + ALLOWED
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    return f"{ALLOWED / 2**20:.0f} MB"


def refused(X):
    """Whether there is no room for a copy."""
    try:
        X.copy()
    except MemoryError:
        return "refused"
    return "possible"


with tempfile.TemporaryDirectory() as folder:
    y = write(Path(folder))
    print(f"memory allowed      {limit_memory()}")
    X = np.load(Path(folder) / "X.npy", mmap_mode="r")
    print(f"size of the file    {X.nbytes / 2**20:.0f} MB")
    print(f"a copy in memory    {refused(X)}")
    for model in (SoftmaxRegression(), SoftmaxRegression(solver="sgd", random_state=0)):
        model.fit(X, y)
        told = f"{model.n_iter_:2d} steps, converged_ = {model.converged_}"
        print(f"{model.solver:<19} {told}, objective_ {model.objective_:.6f}")
    del X
