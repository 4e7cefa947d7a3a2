"""Makes cases of a bundle of the tests of operators, each of a model of several cases; see run_cases.py."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx

import bundled

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
folder = os.path.join(root, "test", "operators")
sys.path.append(os.path.join(folder, "Inputs"))
import run_cases

#: Two are about the script.
OTHERS = ("no-cases", "wrong-case")


def names():
    """Those of the tests."""
    found = sorted(name[: -len(".test")] for name in os.listdir(folder) if name.endswith(".test"))
    return [name for name in found if name not in OTHERS]


def models(name):
    """[(name in the bundle, the cases of the model)] of a test."""
    batches = list(run_cases.get_batches(run_cases.load(os.path.join(folder, name + ".test"))))
    return [(f"operators/{name}-{batch[0].number}-{'dynamic' if batch[0].dynamic else 'static'}", batch)
            for batch in batches]


def record(name, cases, bundle, build, target):
    """Makes a case of the bundle. Gives why its model does not compile, or nothing; one that must not is no case."""
    model, arrays, outputs, tolerances = run_cases.make_model(cases, cases[0].dynamic)
    error = cases[0].error
    writer = bundled.CaseWriter(bundle, name)
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "model.onnx")
        onnx.save(model, path)
        done = subprocess.run([os.path.join(build, "bin", "tenon-compile"), path, "--quiet", f"--target={target}",
                               f"--provider={bundled.PROVIDERS}", f"--precision={cases[0].precision or 'fp32'}", "-o",
                               writer.model_path()], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        return "" if error and error in done.stderr else done.stderr or f"tenon-compile ended with {done.returncode}"
    names = [value.name for value in model.graph.output]
    # Bits of bfloat16 are what Python's interface takes.
    inputs = {value.name: x.view(np.uint16) if x.dtype == "V2" else x for value, x in zip(model.graph.input, arrays)}
    writer.add_data(inputs, dict(zip(names, outputs)))
    writer.write(check={"error": error} if error else {"kind": "largest", "tolerances": dict(zip(names, tolerances))})
    return ""
