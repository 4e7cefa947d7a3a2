"""What a run of a model case wrote, beside what it should have written."""

import json
import os

import typing

import numpy as np


def least_cosine(model):
    """The least cosine similarity that a model's results in a narrower precision may have to those of fp32."""
    return model.get("least_cosine", 0.999)


class Failed(Exception):
    """A case did not give what it should; the text says why, in one line."""


def names_of(case):
    with open(os.path.join(case["folder"], "names.json"), encoding="utf-8") as file:
        return json.load(file)


class Difference(typing.NamedTuple):
    """How far the outputs of a case are from what they should be: the worst of all outputs. Not a number is the worst."""

    absolute: float
    relative: float  # to the largest magnitude of the output
    cosine: float


def relative_error(case, folder):
    """The largest error of any output, relative to that output's largest magnitude."""
    return difference(case, folder).relative


def cosine(found, expected):
    """The cosine of the angle between two arrays as vectors; 1 if both are zero."""
    lengths = np.linalg.norm(found) * np.linalg.norm(expected)
    if lengths == 0:
        return float(not found.any() and not expected.any())
    return float(np.dot(found.ravel(), expected.ravel()) / lengths)


def difference(case, folder):
    worst = lambda *numbers: max(numbers, key=lambda x: (x != x, x))
    absolute, relative, lowest = 0.0, 0.0, 1.0
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
        found, expected = found.astype(np.float64), expected.astype(np.float64)
        # Not a number anywhere makes the maximum not a number, which no comparison lets pass.
        largest = float(np.abs(found - expected).max())
        absolute = worst(absolute, largest)
        relative = worst(relative, largest / float(np.abs(expected).max() or 1.0))
        lowest = -worst(-lowest, -cosine(found, expected))
    return Difference(absolute, relative, lowest)
