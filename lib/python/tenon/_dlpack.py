"""Arrays of other packages in a GPU's memory, by the DLPack protocol (https://dmlc.github.io/dlpack/latest)."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_uint8, c_uint16, c_uint64, c_void_p, py_object
from typing import Any, Tuple

from ._errors import InvalidError, UnsupportedError
from ._libraries import TenonTensor
from ._types import DType

# DLDeviceType, and TenonMemory for those that the runtime knows.
_CPU, _CUDA = 1, 2
HOST_MEMORY, CUDA_MEMORY = 0, 1
# The legacy default stream, for which a run waits.
_DEFAULT_STREAM = 1


class _Tensor(Structure):
    """A DLTensor."""
    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32), ("ndim", c_int32),
                ("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16), ("shape", POINTER(c_int64)),
                ("strides", POINTER(c_int64)), ("byte_offset", c_uint64)]


# By DLDataTypeCode and bits, TenonDType.
_TYPES = {(0, 8): 3, (0, 16): 5, (0, 32): 6, (0, 64): 7, (1, 8): 2, (1, 16): 4, (1, 32): 12, (1, 64): 13,
          (2, 16): 10, (2, 32): 1, (2, 64): 11, (4, 16): 16, (6, 8): 9}

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = c_void_p
_get_pointer.argtypes = [py_object, c_char_p]


def find_device(value: Any) -> Tuple[int, int]:
    """TenonMemory of an array and the number of its device. What has no device is in the host's memory."""
    if not hasattr(value, "__dlpack_device__"):
        return HOST_MEMORY, 0
    kind, number = value.__dlpack_device__()
    return (CUDA_MEMORY, number) if int(kind) == _CUDA else (HOST_MEMORY, 0)


def set_device_tensor(tensor: TenonTensor, name: bytes, value: Any, expected: DType, what: str) -> Any:
    """Makes `tensor` a view of an array in a GPU's memory. Gives what must outlive it."""
    capsule = value.__dlpack__(stream=_DEFAULT_STREAM)
    array = ctypes.cast(_get_pointer(capsule, b"dltensor"), POINTER(_Tensor))[0]
    code = _TYPES.get((array.code, array.bits)) if array.lanes == 1 else None
    # Types that other packages lack come as integers with the same bits, as from NumPy.
    if code != expected.code and _is_bits(array, expected):
        code = expected.code
    if code is None:
        raise InvalidError(f"{what}: Tenon has no element type for a DLPack array of code {array.code}, {array.bits} "
                           f"bits and {array.lanes} lanes")
    dims = [array.shape[i] for i in range(array.ndim)]
    expected_stride = 1
    for i in reversed(range(array.ndim) if array.strides else []):
        if dims[i] != 1 and array.strides[i] != expected_stride and 0 not in dims:
            raise UnsupportedError(f"{what}: the array in the GPU's memory is not contiguous")
        expected_stride *= dims[i]
    tensor.name = name
    tensor.data = (array.data or 0) + array.byte_offset
    tensor.dtype = code
    tensor.rank = array.ndim
    tensor.dims = (c_int64 * array.ndim)(*dims)
    return capsule


def _is_bits(array: _Tensor, expected: DType) -> bool:
    kind = {0: "i", 1: "u"}.get(array.code)
    return kind == expected.bits.kind and array.bits == 8 * expected.bits.itemsize and expected.numpy.kind not in "iub"
