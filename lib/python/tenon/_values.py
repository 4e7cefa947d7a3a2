"""Sequences and optionals: lists of arrays and None on this side, arrays of `TenonTensor` on the other."""

from __future__ import annotations

import ctypes
import math
from typing import Any, List, Optional, Union

import numpy as np

from ._arrays import as_array, dtype_code, set_tensor
from ._errors import InvalidError
from ._libraries import TenonTensor
from ._types import DType

# TenonKind
TENSOR, SEQUENCE, OPTIONAL, OPTIONAL_SEQUENCE = range(4)
TENSORS = 255  # TENON_TENSORS

#: What a model takes and gives.
Value = Union[np.ndarray, List[np.ndarray], None]


def type_name(kind: int, dtype: DType) -> str:
    """The type as ONNX Runtime writes it."""
    return ("{}", "seq({})", "optional({})", "optional(seq({}))")[kind].format(dtype.onnx)


def read_array(tensor: TenonTensor, dtype: DType) -> np.ndarray:
    """A copy of a tensor."""
    dims = [tensor.dims[i] for i in range(tensor.rank)]
    array = np.empty(dims, dtype.numpy)
    if array.nbytes:
        ctypes.memmove(array.ctypes.data, tensor.data, array.nbytes)
    return array


def read_value(tensor: TenonTensor, kind: int, dtype: DType) -> Value:
    """A copy of what the session keeps of an output that is not a tensor."""
    if tensor.rank == 0:
        return None
    elements = ctypes.cast(tensor.data, ctypes.POINTER(TenonTensor))
    arrays = [read_array(elements[i], dtype) for i in range(tensor.dims[0])]
    return arrays if kind != OPTIONAL else arrays[0] if arrays else None


def set_value(tensor: TenonTensor, name: bytes, kind: int, value: Any, dtype: DType) -> List[Any]:
    """Makes `tensor` a view of `value`, an input that is not a tensor. Gives what must outlive it."""
    text = name.decode()
    tensor.name, tensor.dtype, tensor.rank = name, TENSORS, 0
    if value is None:
        if kind == SEQUENCE:
            raise InvalidError(f"input '{text}': expected a sequence of arrays, found None")
        return []
    if kind == OPTIONAL:
        value = [value]
    elif isinstance(value, (str, bytes, np.ndarray)) or not hasattr(value, "__iter__"):
        raise InvalidError(f"input '{text}': expected a sequence of arrays, found {type(value).__name__}")
    arrays = [as_array(element, dtype, f"{text}[{i}]") for i, element in enumerate(value)]
    elements = (TenonTensor * len(arrays))()
    for i, (element, array) in enumerate(zip(elements, arrays)):
        set_tensor(element, b"", array, dtype_code(array, dtype, f"{text}[{i}]"))
        element.name = None
    tensor.data, tensor.rank, tensor.dims = ctypes.addressof(elements), 1, (ctypes.c_int64 * 1)(len(arrays))
    return [elements, *arrays]


def view_beginning(array: np.ndarray, tensor: TenonTensor) -> np.ndarray:
    """A result whose dimensions only the run has told, at the beginning of `array`."""
    dims = [tensor.dims[i] for i in range(tensor.rank)]
    return array.reshape(-1)[:math.prod(dims)].reshape(dims)
