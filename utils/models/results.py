"""What a run of a model case wrote, beside what it should have written."""

import json
import os

import numpy as np


class Failed(Exception):
    """A case did not give what it should; the text says why, in one line."""


def names_of(case):
    with open(os.path.join(case["folder"], "names.json"), encoding="utf-8") as file:
        return json.load(file)


def relative_error(case, folder):
    """The largest error of any output, relative to that output's largest magnitude."""
    worst = 0.0
    for i, name in enumerate(names_of(case)["outputs"]):
        expected = np.load(os.path.join(case["folder"], f"output_{i}.npy"))
        path = os.path.join(folder, f"output_{i}.npy")
        if not os.path.exists(path):
            raise Failed(f"output {name} is missing")
        found = np.load(path)
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise Failed(f"output {name} is {found.dtype} {found.shape}, expected {expected.dtype} {expected.shape}")
        if not expected.size:
            continue
        difference = np.abs(found.astype(np.float64) - expected)
        # Not a number anywhere makes the maximum not a number, which no comparison lets pass.
        worst = max(worst, float(difference.max()) / float(np.abs(expected).max() or 1.0), key=lambda x: (x != x, x))
    return worst
