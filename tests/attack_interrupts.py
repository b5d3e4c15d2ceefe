"""Interrupts and forks at random moments, run by hand:

    python tests/attack_interrupts.py [--trials 300]

The tests proper force the order of events; this looks for what they have not thought of. Each line
says how many of the trials left a setting changed, a lock locked, or a model half fitted.
"""

import argparse
import os
import random
import signal
import sys
import time
import warnings
from threading import Event, Thread

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV, SoftmaxTransformer, softmax

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(400, 8))
Y = np.argmax(X[:, :3] + RANDOM.normal(size=(400, 3)), axis=1)
LARGE = np.tile(X, (60, 1))
MODEL = SoftmaxRegression().fit(X, Y)
SECONDS_OF_A_CHILD = 20


def settings():
    threads = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
    return threads, np.geterr()


LOOPS = {
    "softmax": lambda: softmax(X),
    "predict_proba of one row": lambda: MODEL.predict_proba(X[:1]),
    "predict of one row": lambda: MODEL.predict(X[:1]),
    "predict": lambda: MODEL.predict(LARGE),
    "fit": lambda: SoftmaxRegression().fit(X, Y),
    "fit, two threads": lambda: SoftmaxRegression(n_jobs=2).fit(X, Y),
    "early stopping": lambda: SoftmaxRegression(early_stopping=True, random_state=0).fit(X, Y),
    "partial_fit": lambda: SoftmaxRegression(solver="sgd").partial_fit(X, Y, classes=[0, 1, 2]),
    "cross-validation": lambda: SoftmaxRegressionCV([0.1, 1.0], cv=3).fit(X, Y),
    "calibration": lambda: SoftmaxTransformer("vector").fit(X[:, :3], Y),
}


def interrupted(call):
    """Whether a loop of calls that a timer interrupts left a setting changed."""
    before = settings()

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-4, 2e-2))
        while True:
            call()
    except KeyboardInterrupt:
        pass
    return settings() != before


def forked(call):
    """Whether a child, forked while another thread works, hangs or begins with other settings."""
    before, stop = settings(), Event()

    def work():
        while not stop.is_set():
            call()

    thread = Thread(target=work)
    thread.start()
    time.sleep(random.uniform(0, 5e-3))
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS_OF_A_CHILD)
        good = settings() == before
        MODEL.predict(LARGE)
        SoftmaxRegression().fit(X, Y)
        os._exit(0 if good and settings() == before else 1)
    status = os.waitpid(child, 0)[1]
    stop.set()
    thread.join()
    return status != 0 or settings() != before


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    random.seed(options.seed)
    bad = 0
    with threadpool_limits(2, user_api="blas"):
        for attack in (interrupted, forked):
            for name, call in LOOPS.items():
                call()  # what is loaded on first use
                found = 0
                for _ in range(options.trials):
                    if attack(call):
                        found += 1
                        threadpool_limits(2, user_api="blas")
                        np.seterr(all="warn", under="ignore")
                print(f"{attack.__name__}, {name}: {found} of {options.trials}", flush=True)
                bad += found
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
