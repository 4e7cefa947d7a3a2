"""The cases of a bundle: a folder each, with case.json and the arrays of its runs. Needs nothing but numpy.

case.json says:
  name    "suite/test_relu": of which kind it is, and its name
  model   the file of the compiled model, from the bundle's folder on
  data    a list of runs: the file of their arrays, and for each input and output by name what it is: null for none, the
          key of an array, or a list of such
  check   how close results have to be, see check_output() in worker.py; or {"error": TEXT} for a run that has to fail so
  steps   of a model with a state: how many runs, which inputs have a slice for each, and which outputs become inputs
"""

import glob
import json
import os

import numpy as np

#: By what the models of a bundle are compiled: their processor's kernels need no library.
PROVIDERS = "cublaslt,cudnn,cuda,codegen"
#: Of the models that `compare` times.
TIMED_PRECISIONS = ("fp32", "fp16", "tf32")


def encode(value, arrays):
    """What stands in case.json for a value; its arrays are appended to `arrays`. Raises TypeError."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return [encode(element, arrays) for element in value]
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise TypeError("texts are no tensors that a model could take")
    arrays.append(array)
    return f"a{len(arrays) - 1}"


def decode(code, arrays):
    """The value that `encode` gave a code for."""
    if isinstance(code, list):
        return [decode(element, arrays) for element in code]
    return None if code is None else arrays[code]


class CaseWriter:
    """Writes one case."""

    def __init__(self, bundle, name, model=None):
        self.bundle = bundle
        self.name = name
        self.model = model or os.path.join("cases", name, "model.so")
        self.data = []
        self.folder = os.path.join(bundle, "cases", name)
        os.makedirs(self.folder, exist_ok=True)

    def model_path(self):
        return os.path.join(self.bundle, self.model)

    def add_data(self, inputs, outputs):
        """A run: what the model is given, and what it has to give, by names."""
        arrays, name = [], f"data_{len(self.data)}.npz"
        entry = {"file": name, "inputs": {n: encode(v, arrays) for n, v in inputs.items()},
                 "outputs": {n: encode(v, arrays) for n, v in outputs.items()}}
        np.savez(os.path.join(self.folder, name), **{f"a{i}": array for i, array in enumerate(arrays)})
        self.data.append(entry)

    def write(self, **more):
        # Last: a folder without it is no case.
        with open(os.path.join(self.folder, "case.json"), "w", encoding="utf-8") as file:
            json.dump({"name": self.name, "model": self.model, "data": self.data, **more}, file)


class Case:
    """One case of a bundle, as case.json has it."""

    def __init__(self, bundle, name):
        self.folder = os.path.join(bundle, "cases", name)
        with open(os.path.join(self.folder, "case.json"), encoding="utf-8") as file:
            content = json.load(file)
        self.name, self.model, self.check = name, content["model"], content["check"]
        self.steps = content.get("steps")
        self.runs = content["data"]

    def values(self):
        """For each run its inputs and what they should give, both by names."""
        for entry in self.runs:
            with np.load(os.path.join(self.folder, entry["file"]), allow_pickle=False) as arrays:
                yield tuple({name: decode(code, arrays) for name, code in entry[part].items()}
                            for part in ("inputs", "outputs"))


def case_names(bundle):
    """The names of all cases that a bundle has, in order."""
    folder = os.path.join(bundle, "cases")
    return sorted(os.path.relpath(os.path.dirname(path), folder)
                  for path in glob.glob(os.path.join(folder, "*", "**", "case.json"), recursive=True))
