"""Forms of a test's model, and the ONNX backend that runs a test in one of them.

A configuration is a provider, a mode and a shape:
  provider  auto (the best for each kernel), onednn (alone), codegen (alone), cuda (for a GPU, and beside it the processor)
  mode      process (compiled in process), ahead (saved as a shared library and loaded)
  shape     static (as the test has it), dynamic (no dimension of an input is known), constant (inputs are constants)
"""

import functools
import os
import tempfile
from typing import Any, List, NamedTuple, Sequence, Tuple

import numpy as np
import onnx
from onnx import numpy_helper

import tenon
import tenon.backend


class Configuration(NamedTuple):
    provider: str = "auto"
    mode: str = "process"
    shape: str = "static"


def true_inputs(model: onnx.ModelProto) -> List[onnx.ValueInfoProto]:
    """The inputs that a caller gives: in old models the constants are among the inputs too."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def forget_dimensions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with names of their own for all dimensions of its inputs, and nothing known of other values."""
    dynamic = onnx.ModelProto()
    dynamic.CopyFrom(model)
    for value in true_inputs(dynamic):
        if value.type.HasField("tensor_type"):
            for i, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.dim_param = f"{value.name}_{i}"
    for value in dynamic.graph.output:
        if value.type.HasField("tensor_type"):
            for dim in value.type.tensor_type.shape.dim:
                dim.Clear()
    del dynamic.graph.value_info[:]
    return dynamic


def fold_inputs(model: onnx.ModelProto, inputs: Sequence[Any]) -> Tuple[onnx.ModelProto, List[Any]]:
    """The model with tensors of `inputs` as constants, and the inputs that remain."""
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    # Before version 4 of the format every constant is an input too.
    folded.ir_version = max(folded.ir_version, 4)
    rest = []
    for value, array in zip(true_inputs(model), inputs):
        if not isinstance(array, (np.ndarray, np.generic)):
            rest.append(array)
            continue
        tensor = numpy_helper.from_array(np.asarray(array), value.name)
        wanted = value.type.tensor_type.elem_type
        if wanted == onnx.TensorProto.BFLOAT16:
            bits = array if array.dtype == np.uint16 else tenon.backend.float_to_bfloat16(array)
            tensor = onnx.TensorProto(name=value.name, data_type=wanted, dims=bits.shape, raw_data=bits.tobytes())
        folded.graph.initializer.append(tensor)
    constants = {tensor.name for tensor in folded.graph.initializer}
    kept = [value for value in folded.graph.input if value.name not in constants]
    del folded.graph.input[:]
    folded.graph.input.extend(kept)
    return folded, rest


@functools.lru_cache(maxsize=1)
def compile_bytes(model: bytes, provider: str) -> tenon.Model:
    """The modes differ in what is done with the code only: a model that comes again is not compiled again."""
    return tenon.compile(model, target="cuda:sm_90") if provider == "cuda" else tenon.compile(model, provider=provider)


def compile_for(model: onnx.ModelProto, configuration: Configuration) -> tenon.Model:
    compiled = compile_bytes(model.SerializeToString(), configuration.provider)
    if configuration.mode == "process":
        return compiled
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.so")
        compiled.save(path)
        # The file may go: the loader has it mapped.
        return tenon.load(path)


class FoldedRep(tenon.backend.BackendRep):
    """Compiles when the inputs are there, which become constants."""

    def __init__(self, model: onnx.ModelProto, configuration: Configuration) -> None:
        self.model = model
        self.configuration = configuration

    def run(self, inputs: Any, **_: Any) -> Tuple[Any, ...]:
        folded, rest = fold_inputs(self.model, inputs)
        return tenon.backend.TenonBackendRep(compile_for(folded, self.configuration)).run(rest)


class VariantBackend(tenon.backend.Backend):
    """Tenon's backend, for the test and in the configuration that are set."""

    test = ""
    configuration = Configuration()

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **_: Any) -> bool:
        # The runner would skip what does not compile.
        return True

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **_: Any) -> Any:
        if cls.configuration.shape == "constant":
            return FoldedRep(model, cls.configuration)
        if cls.configuration.shape == "dynamic":
            model = forget_dimensions(model)
        return tenon.backend.TenonBackendRep(compile_for(model, cls.configuration))
