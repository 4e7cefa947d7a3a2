"""Runs operators and compares what they compute with numpy.

    run_cases.py TEST FOLDER [TARGET [BUNDLE]]

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

With BUNDLE nothing runs: the compiled models, their inputs and what they have to give become cases of that bundle; see
utils/gpu/bundle.

Most of the time of a small model's compilation does not depend on what is in it. So a model has a node of each of several
cases, which have nothing to do with each other; if it fails, each of them runs alone.
"""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3, "utils", "gpu", "device"))
import bundled

cases = []
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


def case(op, inputs, outputs, opset=18, domain="", constants=(), tolerance=1e-5, dynamic=True, error="", precision="",
         **attributes):
    cases.append((op, inputs, outputs, opset, domain, constants, tolerance, error, dynamic, precision, attributes))


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


def make_model(numbers, is_dynamic):
    """A model with a node of each case, and its inputs and expected outputs."""
    nodes, given, results, constants = [], [], [], []
    for number in numbers:
        op, inputs, outputs, opset, domain, constant, *_, attributes = cases[number]
        inputs = [("" if x is None else f"c{number}_x{i}", x) for i, x in enumerate(inputs)]
        outputs = [("" if y is None else f"c{number}_y{i}", y) for i, y in enumerate(outputs)]
        nodes.append(helper.make_node(op, [n for n, _ in inputs], [n for n, _ in outputs], domain=domain, **attributes))
        given += [(n, np.asanyarray(x)) for i, (n, x) in enumerate(inputs) if n and i not in constant]
        constants += [make_tensor(np.asanyarray(inputs[i][1]), inputs[i][0]) for i in constant]
        results += [(n, np.asanyarray(y)) for n, y in outputs if n]
    graph = helper.make_graph(nodes, "cases", [make_value(n, x, is_dynamic) for n, x in given],
                              [make_value(n, y, is_dynamic) for n, y in results], constants)
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    # NumPy's files have two bytes for bfloat16.
    arrays = [np.asarray(x).view("V2") if getattr(x, "number", None) == 16 else np.asarray(x) for _, x in given]
    tolerances = [cases[number][6] for number in numbers for y in cases[number][2] if y is not None]
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


def run(server, numbers, is_dynamic, where, folder):
    model, inputs, outputs, tolerances = make_model(numbers, is_dynamic)
    path = os.path.join(folder, "model.onnx")
    onnx.save(model, path)
    for i, x in enumerate(inputs):
        np.save(os.path.join(folder, f"input_{i}.npy"), x)
    server.ask(op="load", id="m", model=path, precision=cases[numbers[0]][9], **where)
    server.ask(op="inputs", id="m", **{"from": folder})
    server.ask(op="run", id="m", to=folder)
    server.ask(op="unload", id="m")
    for i, (expected, tolerance) in enumerate(zip(outputs, tolerances)):
        actual = np.load(os.path.join(folder, f"output_{i}.npy"))
        wrong = compare(actual, expected, tolerance)
        if wrong:
            raise RuntimeError(f"output {i}: {wrong}")


def record(numbers, is_dynamic, where, folder, bundle, name):
    """Makes a case of a bundle. Gives whether its model compiles."""
    model, arrays, outputs, tolerances = make_model(numbers, is_dynamic)
    _, error, _, precision, _ = cases[numbers[0]][6:]
    path = os.path.join(folder, "model.onnx")
    onnx.save(model, path)
    writer = bundled.CaseWriter(bundle, name)
    command = ["tenon-compile", path, "--quiet", "--target=" + where["target"], "--provider=" + bundled.PROVIDERS,
               "--precision=" + (precision or "fp32"), "-o", writer.model_path()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        if not error or error not in done.stderr:
            print(f"{name}: {done.stderr.strip()}", flush=True)
        return error and error in done.stderr
    names = [value.name for value in model.graph.output]
    # Bits of bfloat16 are what Python's interface takes.
    inputs = {value.name: x.view(np.uint16) if x.dtype == "V2" else x for value, x in zip(model.graph.input, arrays)}
    writer.add_data(inputs, dict(zip(names, outputs)))
    writer.write(check={"error": error} if error else {"kind": "largest", "tolerances": dict(zip(names, tolerances))})
    return True


def get_batches():
    """Numbers of cases that can be in one model."""
    batches = {}
    for number, (_, _, _, opset, domain, _, _, error, dynamic, precision, _) in enumerate(cases):
        # What has to fail is alone.
        batches.setdefault((opset, domain, dynamic, precision, number if error else -1), []).append(number)
    for (_, _, dynamic, _, _), numbers in batches.items():
        for begin in range(0, len(numbers), CASES_IN_A_MODEL):
            yield numbers[begin : begin + CASES_IN_A_MODEL], dynamic


def try_batch(server, numbers, is_dynamic, where, folder):
    """Gives how many of the cases failed. `where` is the provider or the target."""
    expected = cases[numbers[0]][7]
    try:
        run(server, numbers, is_dynamic, where, folder)
        if not expected:
            return 0
        problem = f"no error, expected {expected}"
    except RuntimeError as error:
        if expected and expected in str(error):
            return 0
        problem = error
    kind = f"{'dynamic' if is_dynamic else 'static'}, {', '.join(where.values())}"
    if len(numbers) == 1:
        op, inputs, *_, attributes = cases[numbers[0]]
        shapes = ", ".join("-" if x is None else str(list(np.shape(x))) for x in inputs)
        print(f"case {numbers[0]}: {op} {attributes} of {shapes}, {kind}: {problem}", flush=True)
        return 1
    failed = sum(try_batch(server, [number], is_dynamic, where, folder) for number in numbers)
    if not failed:
        print(f"cases {numbers} in one model, {kind}: {problem}", flush=True)
    return failed or 1


def main():
    test, folder, target, bundle = (sys.argv[1:] + [None] * 2)[:4]
    places = [{"target": target}] if target else [{"provider": "auto"}, {"provider": "codegen"}]
    os.makedirs(folder, exist_ok=True)
    with open(test) as file:
        exec(compile(file.read(), test, "exec"), {"case": case, "typed": typed, "np": np, "rng": np.random.default_rng(0)})
    if not cases:
        sys.exit(f"{test} has no cases")
    server, failed = None if bundle else Server(), 0
    for numbers, dynamic in get_batches():
        for is_dynamic in (False, True)[bool(target and dynamic) : 2 if dynamic else 1]:
            for where in places:
                if bundle:
                    kind = os.path.splitext(os.path.basename(test))[0]
                    name = f"operators/{kind}-{numbers[0]}-{'dynamic' if is_dynamic else 'static'}"
                    failed += not record(numbers, is_dynamic, where, folder, bundle, name)
                    continue
                failed += try_batch(server, numbers, is_dynamic, where, folder)
    print(f"{len(cases)} cases, {failed} failures")
    sys.exit(failed != 0)


main()
