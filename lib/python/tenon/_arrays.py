"""From what callers give to arrays whose memory the runtime reads in place."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ._errors import InvalidError
from ._libraries import TenonTensor
from ._types import BY_NUMPY, DType


def as_array(value: Any, dtype: DType, name: str) -> np.ndarray:
    """An aligned, contiguous array in the machine's byte order. It is the caller's memory, unless that is none of these,
    or `value` is no array at all (a number, a list), which takes the input's type."""
    if not isinstance(value, (np.ndarray, np.generic)):
        if hasattr(value, "__dlpack__"):
            value = np.from_dlpack(value)
        elif hasattr(value, "__array__"):
            value = np.asarray(value)
        else:
            try:
                value = np.asarray(value, dtype.numpy)
            except (TypeError, ValueError, OverflowError) as error:
                raise InvalidError(f"input '{name}': no array of {dtype.name}: {error}") from None
    array = np.asarray(value)
    # ascontiguousarray would make a scalar one-dimensional.
    return np.require(array, array.dtype.newbyteorder("="), ["C", "A"])


def dtype_code(array: np.ndarray, expected: DType, name: str) -> int:
    """TenonDType of the array that is given for an input of type `expected`. The runtime checks whether it fits."""
    if array.dtype == expected.numpy or array.dtype == expected.bits:
        return expected.code
    if array.dtype not in BY_NUMPY:
        raise InvalidError(f"input '{name}': Tenon has no element type for an array of {array.dtype}, expected "
                           f"{expected.numpy}")
    return BY_NUMPY[array.dtype].code


def set_tensor(tensor: TenonTensor, name: bytes, array: np.ndarray, code: int) -> None:
    """Makes `tensor` a view of `array`, which must outlive it."""
    tensor.name = name
    tensor.data = array.ctypes.data
    tensor.dtype = code
    tensor.rank = array.ndim
    tensor.dims = (ctypes.c_int64 * array.ndim)(*array.shape)
