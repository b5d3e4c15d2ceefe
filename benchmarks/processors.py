"""What other kernels cost: exp, an evaluation and fits, with the vectors of other processors::

    python benchmarks/processors.py

Each processor is what OpenBLAS and NumPy of this machine do when told to be it; it must have the
widest vectors. Processes take turns; figures are medians of CPU time on one thread.
"""

import json
import os
import subprocess
import sys
from statistics import median
from time import process_time

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import machine
import numpy as np
from evaluation import our_call
from problems import gaussian

from sksoftmax import SoftmaxRegression, softmax

# Kernels of OpenBLAS, and what NumPy's features begin with that are then turned off.
PROCESSORS = {
    "AVX-512": ("SkylakeX", ()),
    "AVX2": ("Haswell", ("AVX512", "X86_V4")),
    "SSE4": ("Nehalem", ("AVX", "F16C", "FMA3", "X86_V3", "X86_V4")),
}
TURNS = 3


def jobs():
    """What is measured, by name: a call, and the factor from its seconds to what is printed."""
    rng = np.random.default_rng(0)
    made = gaussian(20_000, 20, 10)
    X, y, coef = made.X, made.y, 0.1 * rng.standard_normal((10, 20))
    found = {}
    for dtype in ("float64", "float32"):
        scores, data = rng.normal(size=(100_000, 10)).astype(dtype), X.astype(dtype)
        part = scores[:10_000]  # in the cache of the processor
        found |= {
            f"exp, {dtype}, ns per element": (lambda s=part: np.exp(s), 1e9 / part.size),
            f"softmax, {dtype}, ns per element": (lambda s=scores: softmax(s), 1e9 / scores.size),
            f"evaluation, {dtype}, ms": (our_call(data, y, coef), 1e3),
            f"fit, {dtype}, ms": (lambda d=data: SoftmaxRegression().fit(d, y), 1e3),
        }
    return found


def measure():
    """Medians of the calls in this process."""
    found = {"kernels": machine.kernels()}
    for name, (call, factor) in jobs().items():
        call()
        times = []
        while len(times) < 5 or sum(times) < 0.05:
            averaging_start = process_time()
            call()
            times.append(process_time() - averaging_start)
        found[name] = factor * median(times)
    return found


def measure_as(processor):
    """The same in a process that takes itself to run on another processor."""
    blas, off = PROCESSORS[processor]
    features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    env = os.environ | {
        "OPENBLAS_CORETYPE": blas,
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in features if name.startswith(off)),
    }
    command = [sys.executable, __file__, "--here"]
    return json.loads(subprocess.run(command, env=env, stdout=-1, check=True).stdout)


def main():
    print(f"{machine.description()}\n")
    turns = [{name: measure_as(name) for name in PROCESSORS} for _ in range(TURNS)]
    print("\n".join(f"- {name}: {found['kernels']}" for name, found in turns[0].items()) + "\n")
    print("| one thread | " + " | ".join(PROCESSORS) + " |")
    print("|---" * (len(PROCESSORS) + 1) + "|")
    for job in list(turns[0]["AVX-512"])[1:]:
        times = [median(turn[name][job] for turn in turns) for name in PROCESSORS]
        ratios = ["", *(f" ({time / times[0]:.1f}x)" for time in times[1:])]
        cells = [f"{time:.2f}{ratio}" for time, ratio in zip(times, ratios, strict=True)]
        print(f"| {job} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    print(json.dumps(measure())) if "--here" in sys.argv else main()
