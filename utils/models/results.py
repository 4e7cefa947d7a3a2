"""What a run of a model case wrote, beside what it should have written."""

import json
import os

import numpy as np

import differences


def least_cosine(model):
    """The least cosine similarity that a model's results in a narrower precision may have to those of fp32."""
    return model.get("least_cosine", 0.999)


class Failed(Exception):
    """A case did not give what it should; the text says why, in one line."""


def names_of(case):
    with open(os.path.join(case["folder"], "names.json"), encoding="utf-8") as file:
        return json.load(file)


def difference(case, folder):
    """How far the outputs of a case in `folder` are from what they should be: the worst of all. Raises Failed."""
    worst = differences.Difference()
    for i, name in enumerate(names_of(case)["outputs"]):
        path = os.path.join(folder, f"output_{i}.npy")
        if not os.path.exists(path):
            raise Failed(f"output {name} is missing")
        expected = np.load(os.path.join(case["folder"], f"output_{i}.npy"))
        try:
            worst = worst.worst(differences.difference(np.load(path), expected))
        except differences.Mismatch as mismatch:
            raise Failed(f"output {name} {mismatch}") from None
    return worst
