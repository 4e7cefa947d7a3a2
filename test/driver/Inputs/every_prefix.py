"""Compiles models with every number of the passes that can be left out, and compares what they compute.

    every_prefix.py SOURCE BUILD FOLDER TEST...

Models of FOLDER, with random inputs and as generated code, are compared with what they compute without any; those of
ONNX's own tests of single operators with the expectations that these have.
"""

import glob
import os
import sys

source, build, folder, *tests = sys.argv[1:]
os.environ["TENON_LIBRARY_DIR"] = os.path.join(build, "lib")
sys.path.insert(0, os.path.join(source, "lib", "python"))
sys.dont_write_bytecode = True
import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

import tenon


def read_tensor(path):
    with open(path, "rb") as file:
        return numpy_helper.to_array(onnx.TensorProto.FromString(file.read()))


def read_tensors(pattern):
    return [read_tensor(path) for path in sorted(glob.glob(pattern))]


def check(name, model, inputs, provider, expected=None):
    assert len(model.graph.input) == len(inputs), f"{name}: {len(inputs)} inputs"
    feeds = dict(zip((value.name for value in model.graph.input), inputs))
    # What lower leaves out depends on how many kernels there are: it is left out and run as a whole.
    names, limits = [], [0]
    for number in limits:
        turns = []
        compiled = tenon.compile(model, provider=provider, max_passes=number, on_pass=turns.append)
        assert [turn.number for turn in turns] == list(range(1, len(turns) + 1)), turns
        before_lower = [turn.name for turn in turns if turn.phase != "lower"]
        names = names or before_lower
        assert before_lower == names, turns
        results = list(compiled(**feeds).values())
        expected = expected or results
        assert len(results) == len(expected), f"{name}: {len(results)} outputs, expected {len(expected)}"
        for found, right in zip(results, expected):
            scale = max(1, np.abs(right).max(initial=0))
            assert found.shape == right.shape and np.abs(found - right).max(initial=0) < 1e-4 * scale, (
                f"{name}: wrong with {number} passes: the last is {names[number - 1] if number else None}")
        if number == 0:
            limits += [*range(1, len(names) + 1), None]
    print(f"{name}: {len(names)} passes")


random = np.random.default_rng(0)
for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
    model = onnx.load(path)
    inputs = [random.standard_normal([d.dim_value or 3 for d in value.type.tensor_type.shape.dim]).astype(np.float32)
              for value in model.graph.input]
    check(os.path.basename(path), model, inputs, "codegen")
cases = {case.name: case.model_dir for case in load_model_tests(kind="node")}
for test in tests:
    data = os.path.join(cases[test], "test_data_set_0")
    check(test, onnx.load(os.path.join(cases[test], "model.onnx")), read_tensors(data + "/input_*.pb"), "auto",
          read_tensors(data + "/output_*.pb"))
