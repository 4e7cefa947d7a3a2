"""Runs one-node models and compares what they compute with numpy.

    run_cases.py TEST FOLDER

TEST is Python, in which these are at hand:

    case(op, inputs, outputs, opset=18, domain="", constants=(), tolerance=1e-5, dynamic=True, **attributes)
    typed(array, number): an array whose elements are the codes of the ONNX element type `number`
    np, rng (of a fixed seed)

`inputs` and `outputs` are lists of arrays, None for one that is absent. `constants` lists the inputs that are
initializers. Each case runs with static shapes and, if `dynamic`, with all dimensions dynamic, on each provider. Integers have to agree exactly, floats to `tolerance` of the largest one.
"""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

cases = []


class Typed(np.ndarray):
    """Bits of elements of which numpy has no type."""

    number = None

    def __array_finalize__(self, other):
        self.number = getattr(other, "number", None)


def typed(array, number):
    result = np.asarray(array).view(Typed)
    result.number = number
    return result


def case(op, inputs, outputs, opset=18, domain="", constants=(), tolerance=1e-5, dynamic=True, **attributes):
    cases.append((op, inputs, outputs, opset, domain, constants, tolerance, dynamic, attributes))


def get_type(array):
    return getattr(array, "number", None) or onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[array.dtype]


def make_tensor(array, name):
    """An initializer; elements of fewer than eight bits are packed."""
    number = getattr(array, "number", None)
    if number is None:
        return numpy_helper.from_array(array, name)
    bits = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}.get(number, 8)
    data = np.asarray(array).reshape(-1)
    if bits < 8:
        data = np.concatenate([data.view(np.uint8), np.zeros(-data.size % (8 // bits), np.uint8)]) & ((1 << bits) - 1)
        data = sum(data[i :: 8 // bits] << (bits * i) for i in range(8 // bits)).astype(np.uint8)
    return onnx.TensorProto(name=name, data_type=number, dims=array.shape, raw_data=data.tobytes())


def make_value(name, array, is_dynamic):
    dims = [f"{name}_{i}" if is_dynamic else size for i, size in enumerate(array.shape)]
    return helper.make_tensor_value_info(name, get_type(array), dims)


def make_model(number, is_dynamic):
    op, inputs, outputs, opset, domain, constants, _, _, attributes = cases[number]
    inputs = [None if x is None else np.asanyarray(x) for x in inputs]
    input_names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    output_names = ["" if y is None else f"y{i}" for i, y in enumerate(outputs)]
    node = helper.make_node(op, input_names, output_names, domain=domain, **attributes)
    given = [(name, x) for i, (name, x) in enumerate(zip(input_names, inputs)) if name and i not in constants]
    graph = helper.make_graph(
        [node],
        "case",
        [make_value(name, x, is_dynamic) for name, x in given],
        [make_value(name, np.asanyarray(y), is_dynamic) for name, y in zip(output_names, outputs) if name],
        [make_tensor(inputs[i], input_names[i]) for i in constants],
    )
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    # NumPy's files have two bytes for bfloat16.
    arrays = [np.asarray(x).view("V2") if getattr(x, "number", None) == 16 else np.asarray(x) for _, x in given]
    return model, arrays, [np.asarray(y) for y in outputs if y is not None]


class Server:
    """One tenon-run for all cases."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["tenon-run", "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("tenon-run is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def compare(actual, expected, tolerance):
    if actual.dtype == "V2":
        actual = actual.view(np.uint16)
    if actual.dtype != expected.dtype or actual.shape != expected.shape:
        return f"{actual.dtype}{list(actual.shape)}, expected {expected.dtype}{list(expected.shape)}"
    if expected.dtype.kind in "biu":
        different = int(np.count_nonzero(actual != expected))
        return f"{different} elements differ:\n{actual}\nexpected\n{expected}" if different else None
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(actual[~finite], expected[~finite], equal_nan=True):
        return f"what is not finite differs:\n{actual}\nexpected\n{expected}"
    if not finite.any():
        return None
    error = np.abs(actual[finite] - expected[finite]).max()
    if not error <= tolerance * max(np.abs(expected[finite]).max(), 1e-30):
        return f"error {error}:\n{actual}\nexpected\n{expected}"
    return None


def run(server, number, is_dynamic, provider, folder):
    model, inputs, outputs = make_model(number, is_dynamic)
    path = os.path.join(folder, "model.onnx")
    onnx.save(model, path)
    for i, x in enumerate(inputs):
        np.save(os.path.join(folder, f"input_{i}.npy"), x)
    server.ask(op="load", id="m", model=path, provider=provider)
    server.ask(op="inputs", id="m", **{"from": folder})
    server.ask(op="run", id="m", to=folder)
    server.ask(op="unload", id="m")
    for i, expected in enumerate(outputs):
        actual = np.load(os.path.join(folder, f"output_{i}.npy"))
        wrong = compare(actual, expected, cases[number][6])
        if wrong:
            raise RuntimeError(f"output {i}: {wrong}")


def main():
    test, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    with open(test) as file:
        exec(compile(file.read(), test, "exec"), {"case": case, "typed": typed, "np": np, "rng": np.random.default_rng(0)})
    if not cases:
        sys.exit(f"{test} has no cases")
    server, failed = Server(), 0
    for number, (op, inputs, *_, dynamic, attributes) in enumerate(cases):
        for is_dynamic in (False, True) if dynamic else (False,):
            for provider in ("auto", "codegen"):
                try:
                    run(server, number, is_dynamic, provider, folder)
                except RuntimeError as error:
                    shapes = ", ".join("-" if x is None else str(list(np.shape(x))) for x in inputs)
                    kind = "dynamic" if is_dynamic else "static"
                    print(f"case {number}: {op} {attributes} of {shapes}, {kind}, {provider}: {error}", flush=True)
                    failed += 1
    print(f"{len(cases)} cases, {failed} failures")
    sys.exit(failed != 0)


main()
