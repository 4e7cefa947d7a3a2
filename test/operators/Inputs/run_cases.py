"""Runs operators and compares what they compute with numpy.

    run_cases.py TEST FOLDER [TARGET]

TEST is Python, in which these are at hand:

    case(op, inputs, outputs, opset=18, domain="", constants=(), tolerance=1e-5, dynamic=True, error="", precision="",
         **attributes)
    typed(array, number): an array whose elements are the codes of the ONNX element type `number`
    np, rng (of a fixed seed)

`inputs` and `outputs` are lists of arrays, None for one that is absent. `constants` lists the inputs that are
initializers. Each case runs with static shapes and, if `dynamic`, with all dimensions dynamic, on each provider; with
TARGET, such as cuda:sm_90, only for that, and with static shapes only if it has to. Integers have to agree exactly, floats
to `tolerance` of the largest one. With `error`, each run has to end with an error that has this text, and of `outputs` only
the types matter. `precision` is what the model is compiled with.

Most of the time of a small model's compilation does not depend on what is in it. So a model has a node of each of several
cases, which have nothing to do with each other; if it fails, each of them runs alone.
"""

import json
import os
import subprocess
import sys
import typing

import numpy as np
import onnx
from onnx import helper, numpy_helper

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3, "utils", "models"))
from differences import Mismatch, difference

CASES_IN_A_MODEL = 24


class Typed(np.ndarray):
    """Bits of elements of which numpy has no type."""

    number = None

    def __array_finalize__(self, other):
        self.number = getattr(other, "number", None)


def typed(array, number):
    result = np.asarray(array).view(Typed)
    result.number = number
    return result


class Case(typing.NamedTuple):
    """What `case` of a test is given."""

    number: int  # in the order of the test
    op: str
    inputs: list
    outputs: list
    opset: int
    domain: str
    constants: tuple
    tolerance: float
    dynamic: bool
    error: str
    precision: str
    attributes: dict


def load(test):
    """The cases of a test."""
    cases = []

    def case(op, inputs, outputs, opset=18, domain="", constants=(), tolerance=1e-5, dynamic=True, error="", precision="",
             **attributes):
        cases.append(Case(len(cases), op, inputs, outputs, opset, domain, constants, tolerance, dynamic, error, precision,
                          attributes))

    with open(test, encoding="utf-8") as file:
        exec(compile(file.read(), test, "exec"), {"case": case, "typed": typed, "np": np, "rng": np.random.default_rng(0)})
    return cases


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


def make_model(cases, is_dynamic):
    """A model with a node of each case, its inputs, and of its outputs what is expected and to what tolerances."""
    nodes, given, results, constants = [], [], [], []
    for case in cases:
        inputs = [("" if x is None else f"c{case.number}_x{i}", x) for i, x in enumerate(case.inputs)]
        outputs = [("" if y is None else f"c{case.number}_y{i}", y) for i, y in enumerate(case.outputs)]
        nodes.append(helper.make_node(case.op, [n for n, _ in inputs], [n for n, _ in outputs], domain=case.domain,
                                      **case.attributes))
        given += [(n, np.asanyarray(x)) for i, (n, x) in enumerate(inputs) if n and i not in case.constants]
        constants += [make_tensor(np.asanyarray(inputs[i][1]), inputs[i][0]) for i in case.constants]
        results += [(n, np.asanyarray(y)) for n, y in outputs if n]
    graph = helper.make_graph(nodes, "cases", [make_value(n, x, is_dynamic) for n, x in given],
                              [make_value(n, y, is_dynamic) for n, y in results], constants)
    opsets = [helper.make_opsetid("", cases[0].opset)]
    if cases[0].domain:
        opsets.append(helper.make_opsetid(cases[0].domain, 1))
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    # NumPy's files have two bytes for bfloat16.
    arrays = [np.asarray(x).view("V2") if getattr(x, "number", None) == 16 else np.asarray(x) for _, x in given]
    tolerances = [case.tolerance for case in cases for y in case.outputs if y is not None]
    return model, arrays, [np.asarray(y) for _, y in results], tolerances


class Server:
    """One tenon-run for all cases, and another if one of them ends it."""

    def __init__(self):
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["tenon-run", "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.start()
            raise RuntimeError("tenon-run is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def compare(actual, expected, tolerance):
    """What is wrong, if anything."""
    try:
        far = difference(actual.view(np.uint16) if actual.dtype == "V2" else actual, expected)
        if far.relative <= tolerance:
            return None
        wrong = f"differs by {far.relative:.2g} of its largest magnitude, more than {tolerance:g}"
    except Mismatch as mismatch:
        wrong = mismatch
    return f"{wrong}:\n{actual}\nexpected\n{expected}"


def run(server, cases, is_dynamic, where, folder):
    model, inputs, outputs, tolerances = make_model(cases, is_dynamic)
    path = os.path.join(folder, "model.onnx")
    onnx.save(model, path)
    for i, x in enumerate(inputs):
        np.save(os.path.join(folder, f"input_{i}.npy"), x)
    server.ask(op="load", id="m", model=path, precision=cases[0].precision, **where)
    server.ask(op="inputs", id="m", **{"from": folder})
    server.ask(op="run", id="m", to=folder)
    server.ask(op="unload", id="m")
    for i, (expected, tolerance) in enumerate(zip(outputs, tolerances)):
        actual = np.load(os.path.join(folder, f"output_{i}.npy"))
        wrong = compare(actual, expected, tolerance)
        if wrong:
            raise RuntimeError(f"output {i} {wrong}")


def get_batches(cases):
    """Cases that can be in one model."""
    batches = {}
    for case in cases:
        # What has to fail is alone.
        key = (case.opset, case.domain, case.dynamic, case.precision, case.number if case.error else -1)
        batches.setdefault(key, []).append(case)
    for members in batches.values():
        for begin in range(0, len(members), CASES_IN_A_MODEL):
            yield members[begin : begin + CASES_IN_A_MODEL]


def try_batch(server, cases, is_dynamic, where, folder):
    """Gives how many of the cases failed. `where` is the provider or the target."""
    expected = cases[0].error
    try:
        run(server, cases, is_dynamic, where, folder)
        if not expected:
            return 0
        problem = f"no error, expected {expected}"
    except RuntimeError as error:
        if expected and expected in str(error):
            return 0
        problem = error
    kind = f"{'dynamic' if is_dynamic else 'static'}, {', '.join(where.values())}"
    if len(cases) == 1:
        case = cases[0]
        shapes = ", ".join("-" if x is None else str(list(np.shape(x))) for x in case.inputs)
        print(f"case {case.number}: {case.op} {case.attributes} of {shapes}, {kind}: {problem}", flush=True)
        return 1
    failed = sum(try_batch(server, [case], is_dynamic, where, folder) for case in cases)
    if not failed:
        print(f"cases {[case.number for case in cases]} in one model, {kind}: {problem}", flush=True)
    return failed or 1


def main():
    test, folder, target = (sys.argv[1:] + [None])[:3]
    places = [{"target": target}] if target else [{"provider": "auto"}, {"provider": "codegen"}]
    os.makedirs(folder, exist_ok=True)
    cases = load(test)
    if not cases:
        sys.exit(f"{test} has no cases")
    server, failed = Server(), 0
    for batch in get_batches(cases):
        dynamic = batch[0].dynamic
        for is_dynamic in (False, True)[bool(target and dynamic) : 2 if dynamic else 1]:
            for where in places:
                failed += try_batch(server, batch, is_dynamic, where, folder)
    print(f"{len(cases)} cases, {failed} failures")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
