"""Runs a random graph: by ONNX Runtime, and by Tenon in a configuration; and compares what comes out."""

import os
import re
import sys
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import onnx

import tenon
from graph import UNIT, Case

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.normpath(os.path.join(here, "..", ".."))
sys.path.insert(0, os.path.join(root, "utils", "models"))
sys.path.insert(0, os.path.join(root, "test", "conformance"))
import servers
from variants import fold_inputs, forget_dimensions

#: See tenon-expand-broadcasts.
COINCIDENCE = re.compile(r"found (1 and \d+|\d+ and 1), expected equal sizes")

Arrays = Dict[str, np.ndarray]


class Configuration(NamedTuple):
    """provider: auto, codegen, cuda (for a GPU, and beside it the processor). shape: declared (as the graph says), static,
    dynamic (no dimension is known), constant (inputs are constants). passes: how many of the compiler's passes run that can
    be left out; all if none is given. target: whose code it is, of this processor if none is given."""

    provider: str = "auto"
    shape: str = "static"
    passes: Optional[int] = None
    target: Optional[str] = None

    def __str__(self) -> str:
        return f"{self.provider}-{self.shape}" + (f"-{self.passes}" if self.passes is not None else "") + \
            (f"@{self.target}" if self.target else "")


def parse_configuration(text: str) -> Configuration:
    """Raises ValueError."""
    found = re.fullmatch(r"(auto|codegen|cuda)-(declared|static|dynamic|constant)(?:-(\d+))?(?:@([\w-]+))?", text)
    if not found:
        raise ValueError(f"'{text}' is no configuration, such as auto-static or codegen-dynamic-12@x86-64-v3")
    provider, shape, passes, target = found.groups()
    return Configuration(provider, shape, int(passes) if passes else None, target)


class Failure(NamedTuple):
    """What went wrong where. `kind` is what a smaller graph must fail with, too: refused, differs, crashed, slow; or it is
    `coincidence`, which may be right: in a model with dimensions that are not known, sizes that depend on one of them are
    taken to be equal, and here one of them was 1."""

    configuration: str
    kind: str
    text: str


class OnnxRuntime:
    """ONNX Runtime in a process of its own, without its optimisations."""

    def __init__(self) -> None:
        self.server: Optional[servers.Server] = None
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)

    def run(self, model: onnx.ModelProto, inputs: Arrays) -> Arrays:
        """Raises ServerError."""
        path = os.path.join(self.folder.name, "model.onnx")
        onnx.save(model, path)
        if self.server is None:
            self.server = servers.onnx_runtime()
        try:
            reply = self.server.ask(op="load", id="m", model=path, threads=1, level="disabled")
            for i, name in enumerate(reply["inputs"]):
                np.save(os.path.join(self.folder.name, f"input_{i}.npy"), inputs[name])
            self.server.ask(op="inputs", id="m", **{"from": self.folder.name})
            done = self.server.ask(op="run", id="m", to=self.folder.name)
            self.server.unload()
        except servers.ServerError:
            if self.server.process.poll() is not None:
                self.server = None
            raise
        return {output["name"]: np.load(os.path.join(self.folder.name, f"output_{i}.npy"))
                for i, output in enumerate(done["outputs"])}

    def close(self) -> None:
        if self.server:
            self.server.close()
        self.folder.cleanup()


def fix_dimensions(case: Case) -> onnx.ModelProto:
    """The model with the dimensions of its inputs' data."""
    static = onnx.ModelProto()
    static.CopyFrom(case.model)
    for value in static.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, case.inputs[value.name].shape):
            dim.dim_value = size
    return static


def compile_case(case: Case, configuration: Configuration, **options: Any) -> Tuple[tenon.Model, Arrays]:
    """The model and the inputs that are left. Raises tenon.Error."""
    model, inputs = case.model, case.inputs
    if configuration.shape == "static":
        model = fix_dimensions(case)
    elif configuration.shape == "dynamic":
        model = forget_dimensions(model)
    elif configuration.shape == "constant":
        model, _ = fold_inputs(model, [inputs[value.name] for value in model.graph.input])
        inputs = {}
    where = {"target": "cuda:sm_90"} if configuration.provider == "cuda" else \
        {"provider": configuration.provider, "target": configuration.target}
    return tenon.compile(model.SerializeToString(), max_passes=configuration.passes, **where, **options), inputs


def is_unknown(dim: onnx.TensorShapeProto.Dimension, configuration: Configuration) -> bool:
    return configuration.shape == "dynamic" or configuration.shape == "declared" and not dim.HasField("dim_value")


def has_unknown_sizes(case: Case, configuration: Configuration) -> bool:
    return any(is_unknown(dim, configuration) for value in case.model.graph.input
               for dim in value.type.tensor_type.shape.dim)


def other_bits(found: Arrays, expected: Arrays, run: str) -> str:
    """What is wrong with another run of the same model on the same inputs, or nothing."""
    for name, array in expected.items():
        if found[name].shape != array.shape or found[name].tobytes() != array.tobytes():
            return f"{run} gives other bits for {name}"
    return ""


def resized_inputs(case: Case, configuration: Configuration) -> Iterator[Arrays]:
    """The inputs with other dimensions: one size is smaller wherever it is not known. None becomes 1."""
    for old in sorted({d for array in case.inputs.values() for d in array.shape if d > 3}):
        places = {value.name: tuple(slice(old // 2) if size == old and is_unknown(dim, configuration) else slice(None)
                                    for size, dim in zip(case.inputs[value.name].shape, value.type.tensor_type.shape.dim))
                  for value in case.model.graph.input}
        if any(place != slice(None) for of_input in places.values() for place in of_input):
            yield {name: np.array(case.inputs[name][of_input], order="C") for name, of_input in places.items()}


def run_other_shapes(session: tenon.Session, case: Case, configuration: Configuration, runtime: OnnxRuntime) -> str:
    """What is wrong with runs on other dimensions that ONNX Runtime takes, or nothing."""
    model = forget_dimensions(case.model) if configuration.shape == "dynamic" else case.model
    for inputs in resized_inputs(case, configuration):
        try:
            expected = runtime.run(model, inputs)
        except servers.ServerError:
            continue  # not every graph is one for every size
        shapes = {name: list(array.shape) for name, array in inputs.items()}
        try:
            found = session.run(inputs)
        except tenon.Error as error:
            if not COINCIDENCE.search(error.message):
                return f"{shapes} are refused: {error.message}"
            continue
        # ONNX Runtime gives a place to a window that is larger than what it is laid on.
        text = "" if any(not array.size for array in found.values()) else difference(found, expected, case.errors)
        if text:
            return f"with {shapes} {text}"
    return ""


def run_tenon(case: Case, configuration: Configuration, runtime: OnnxRuntime) -> Tuple[List[Arrays], str]:
    """The results of each of the runs of a session, and what is wrong with others of the same model. On a GPU the second run
    may record a graph, which the third launches. Raises tenon.Error."""
    compiled, inputs = compile_case(case, configuration)
    session = compiled.session(threads=1)
    if configuration.provider == "cuda":
        return [session.run(inputs) for _ in range(3)], ""
    found = session.run(inputs)
    wrong = other_bits(compiled.session(threads=2).run(inputs), found, "a run on two threads")
    if not wrong and has_unknown_sizes(case, configuration):
        wrong = run_other_shapes(session, case, configuration, runtime)
    return [found], wrong or other_bits(session.run(inputs), found, "another run")


def count_passes(case: Case, configuration: Configuration) -> int:
    """How many passes there are that can be left out. Raises tenon.Error."""
    turns: List[int] = []
    compile_case(case, configuration, on_pass=lambda turn: turns.append(turn.number))
    return len(turns)


def difference(found: Arrays, expected: Arrays, errors: Dict[str, float]) -> str:
    """What is wrong, or nothing."""
    for name, right in expected.items():
        if name not in found:
            return f"{name} is missing"
        result = found[name]
        if result.dtype != right.dtype or result.shape != right.shape:
            return f"{name} is {result.dtype}{list(result.shape)}, expected {right.dtype}{list(right.shape)}"
        error = errors.get(name, 0.0)
        if right.dtype.kind != "f":
            good = result == right
        else:
            unit = UNIT[right.dtype.name] if error else 0
            good = np.isclose(result.astype(np.float64), right.astype(np.float64), rtol=4 * unit, atol=error,
                              equal_nan=True)
        if not np.all(good):
            at = np.unravel_index(int(np.argmin(good)), right.shape)
            return (f"{name} differs in {right.size - np.count_nonzero(good)} of {right.size} elements, the first at "
                    f"{[int(i) for i in at]}: {result[at]!r}, expected {right[at]!r}, allowed {error:.2g}")
    return ""


def check(case: Case, expected: Arrays, configuration: Configuration, runtime: OnnxRuntime) -> Optional[Failure]:
    """None if all is right. A crash ends the process; what it was at stands on the standard error."""
    print(f"at {configuration}", file=sys.stderr, flush=True)
    try:
        results, wrong = run_tenon(case, configuration, runtime)
    except tenon.Error as error:
        is_coincidence = has_unknown_sizes(case, configuration) and COINCIDENCE.search(error.message)
        return Failure(str(configuration), "coincidence" if is_coincidence else "refused", error.message)
    for number, found in enumerate(results, 1):
        text = difference(found, expected, case.errors)
        if text:
            where = f"in run {number}: " if number > 1 else ""
            return Failure(str(configuration), "differs", where + text)
    return Failure(str(configuration), "differs", wrong) if wrong else None


def with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.graph.output[:]
    changed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return changed


def all_values(case: Case, runtime: OnnxRuntime) -> Arrays:
    """Every value that a node of the graph makes, by ONNX Runtime."""
    names = list(dict.fromkeys(name for node in case.model.graph.node for name in node.output if name))
    return runtime.run(with_outputs(case.model, names), case.inputs)
