"""The processor, and the kernels of BLAS and NumPy in use: figures depend on both."""

import os
import platform
from pathlib import Path

import numpy as np
import scipy.linalg  # noqa: F401  SciPy has a BLAS of its own, that is to be seen
from threadpoolctl import threadpool_info


def description():
    """The machine in a line."""
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()}; {kernels()}"


def kernels():
    """The kernels of each BLAS that is loaded, and the widest vectors that NumPy found."""
    found = {
        f"{info['internal_api']} {info['version']} with kernels for {info['architecture']}"
        for info in threadpool_info()
        if info["user_api"] == "blas" and "architecture" in info
    }
    return ", ".join([*sorted(found), f"NumPy with {simd()}"])


def simd():
    """NumPy's SIMD features beyond its baseline, without those that are turned off."""
    features = np.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join(features.get("found") or features["baseline"])


def processor():
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
