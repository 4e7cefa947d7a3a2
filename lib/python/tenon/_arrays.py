"""From what callers give to arrays whose memory the runtime reads in place."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ._errors import InvalidError
from ._libraries import TenonTensor
from ._types import BY_NUMPY, FLOATS_AS_BITS, DType


def float_to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The bits of the nearest bfloat16 numbers, ties to even, as an array of uint16."""
    values = np.asarray(values, np.float32)
    bits = values.view(np.uint32)
    rounded = ((bits + (np.uint32(0x7FFF) + ((bits >> 16) & 1))) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded)


def _from_numbers(values: Any, dtype: DType) -> np.ndarray:
    """An array of an input's type. Where NumPy lacks the type, `dtype.numpy` holds bits, which numbers are not."""
    if dtype.numpy != dtype.bits or dtype.name not in FLOATS_AS_BITS:
        return np.asarray(values, dtype.numpy)
    if dtype.name == "bf16":
        return float_to_bfloat16(values)
    raise ValueError("numbers need the package ml_dtypes, bits an array of uint8")


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
                value = _from_numbers(value, dtype)
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
