"""Tenon as an ONNX backend (`onnx.backend.base.Backend`), for tools that are written against that interface.

    import tenon.backend

    outputs = tenon.backend.run_model(model, [x])

bfloat16 goes in as float32 or as bits (uint16), and comes out as bits, as ONNX's own tests have it.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import onnx
from onnx import helper
from onnx.backend.base import Backend as OnnxBackend
from onnx.backend.base import BackendRep, Device, DeviceType, namedtupledict

from ._arrays import float_to_bfloat16
from ._compile import compile
from ._errors import Error, UnsupportedError
from ._model import Model, TensorInfo

_BFLOAT16 = "tensor(bfloat16)"  # of a tensor, or of those in a sequence or an optional


def _from_onnx(value: Any, info: TensorInfo) -> Any:
    """An input as the model takes it."""
    if isinstance(value, (list, tuple)):
        return [_from_onnx(element, info) for element in value]
    is_float = _BFLOAT16 in info.type and getattr(value, "dtype", None) == np.float32
    return float_to_bfloat16(value) if is_float else value


def _to_onnx(value: Any, info: TensorInfo) -> Any:
    """An output as ONNX's tests have it."""
    if isinstance(value, list):
        return [_to_onnx(element, info) for element in value]
    return value.view(np.uint16) if _BFLOAT16 in info.type and value is not None else value


class TenonBackendRep(BackendRep):
    """A model that was prepared to be run."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._outputs = namedtupledict("Outputs", [info.name for info in model.outputs])

    def run(self, inputs: Union[Sequence[Any], Mapping[str, Any], np.ndarray], **kwargs: Any) -> Tuple[Any, ...]:
        """Runs the model with arrays in the order of its inputs, or by name, or with the only one."""
        if isinstance(inputs, Mapping):
            named = dict(inputs)
        elif isinstance(inputs, (list, tuple)):
            named = {info.name: array for info, array in zip(self.model.inputs, inputs)}
        else:
            named = {self.model.inputs[0].name: inputs}
        infos = {info.name: info for info in self.model.inputs}
        named = {name: _from_onnx(array, infos[name]) if name in infos else array for name, array in named.items()}
        results = self.model.session().run(named)
        return self._outputs(*(_to_onnx(results[info.name], info) for info in self.model.outputs))


class Backend(OnnxBackend):
    """The functions of this module as ONNX's interface wants them: class methods."""

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether the model compiles."""
        if not cls.supports_device(device):
            return False
        try:
            cls.prepare(model, device, **kwargs)
        except Error:
            return False
        return True

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> TenonBackendRep:
        """Compiles a model. `kwargs` are the options of `tenon.compile`."""
        cls._check_device(device)
        return TenonBackendRep(compile(model, **kwargs))

    @classmethod
    def run_node(cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU",
                 outputs_info: Optional[Sequence[Tuple[np.dtype, Tuple[int, ...]]]] = None,
                 opset_version: Optional[int] = None, **kwargs: Any) -> Tuple[Any, ...]:
        """Runs a single node. The types of its outputs are `outputs_info`, or what ONNX infers."""
        cls._check_device(device)
        arrays = list(inputs.values()) if isinstance(inputs, Mapping) else list(inputs)
        arrays = [np.asarray(array) for array in arrays]
        return cls.prepare(_model_of(node, arrays, outputs_info, opset_version), device, **kwargs).run(arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether models run on such a device: "CPU" only."""
        try:
            return Device(device).type == DeviceType.CPU
        except (AttributeError, ValueError):
            return False

    @classmethod
    def _check_device(cls, device: str) -> None:
        if not cls.supports_device(device):
            raise UnsupportedError(f"there is no device '{device}', only CPU")


def _model_of(node: onnx.NodeProto, arrays: List[np.ndarray], outputs_info: Any,
              opset_version: Optional[int]) -> onnx.ModelProto:
    """A model of one node, for inputs like these arrays."""
    def value(name: str, dtype: np.dtype, shape: Any) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)], shape)

    names = [name for name in node.input if name]
    inputs = [value(name, array.dtype, array.shape) for name, array in zip(names, arrays)]
    outputs = [name for name in node.output if name]
    if outputs_info:
        results = [value(name, dtype, shape) for name, (dtype, shape) in zip(outputs, outputs_info)]
    else:
        results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    opset = helper.make_operatorsetid(node.domain, opset_version or onnx.defs.onnx_opset_version())
    model = helper.make_model(helper.make_graph([node], "node", inputs, results), opset_imports=[opset])
    return model if outputs_info else onnx.shape_inference.infer_shapes(model)


is_compatible = Backend.is_compatible
prepare = Backend.prepare
run_model = Backend.run_model
run_node = Backend.run_node
supports_device = Backend.supports_device
