"""The C interface through ctypes: finds the libraries and declares what is used of them."""

from __future__ import annotations

import ctypes
import functools
import os
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any, Callable

from ._errors import ResourceError, UsageError, make_error

# Names a folder that is searched before all others.
LIBRARY_DIR_VARIABLE = "TENON_LIBRARY_DIR"


class TenonTensor(Structure):
    _fields_ = [("name", c_char_p), ("data", c_void_p), ("dtype", c_int), ("rank", c_int32), ("dims", POINTER(c_int64))]


class TenonTensorInfo(Structure):
    _fields_ = [("name", c_char_p), ("dtype", c_int), ("rank", c_int32), ("dims", POINTER(c_int64)),
                ("dim_names", POINTER(c_char_p)), ("kind", c_int)]


class TenonModelOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("device", c_char_p)]


class TenonKernelInfo(Structure):
    _fields_ = [("name", c_char_p), ("provider", c_char_p), ("on_device", c_int32)]


class TenonSessionOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("threads", c_int32), ("max_shapes", c_int32), ("profile", c_int32)]


class TenonProfileEntry(Structure):
    _fields_ = [("name", c_char_p), ("provider", c_char_p), ("implementation", c_char_p), ("shapes", c_char_p),
                ("calls", c_uint64), ("nanoseconds", c_uint64), ("flops", c_int64), ("bytes", c_uint64),
                ("least_nanoseconds", c_uint64)]


PROGRESS_FUNCTION = CFUNCTYPE(None, c_void_p, c_char_p)
PASS_FUNCTION = CFUNCTYPE(None, c_void_p, c_size_t, c_char_p, c_char_p, c_char_p, c_int32)


class TenonCompileOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("target", c_char_p), ("provider", c_char_p), ("shapes", POINTER(c_char_p)),
                ("num_shapes", c_size_t), ("bindings", POINTER(c_char_p)), ("num_bindings", c_size_t),
                ("progress", PROGRESS_FUNCTION), ("progress_context", c_void_p), ("max_passes", POINTER(c_size_t)),
                ("pass_", PASS_FUNCTION), ("pass_context", c_void_p), ("expose_kernels", c_int32),
                ("tuning", c_char_p), ("precision", c_char_p), ("keep_fp32", POINTER(c_char_p)),
                ("num_keep_fp32", c_size_t), ("device", c_char_p), ("half_io", POINTER(c_char_p)),
                ("num_half_io", c_size_t)]


# Every handle is a void pointer. A function that returns an error has the result type c_void_p and goes through check().
_RUNTIME = {
    "tenon_version": (ctypes.c_uint32, []),
    "tenon_version_string": (c_char_p, []),
    "tenon_error_json": (c_char_p, [c_void_p]),
    "tenon_error_free": (None, [c_void_p]),
    "tenon_default_threads": (c_int32, []),
    "tenon_model_load_with": (c_void_p, [c_char_p, POINTER(TenonModelOptions), POINTER(c_void_p)]),
    "tenon_model_free": (None, [c_void_p]),
    "tenon_model_name": (c_char_p, [c_void_p]),
    "tenon_model_num_inputs": (c_size_t, [c_void_p]),
    "tenon_model_num_outputs": (c_size_t, [c_void_p]),
    "tenon_model_input": (POINTER(TenonTensorInfo), [c_void_p, c_size_t]),
    "tenon_model_output": (POINTER(TenonTensorInfo), [c_void_p, c_size_t]),
    "tenon_model_device": (c_char_p, [c_void_p]),
    "tenon_model_devices": (c_char_p, [c_void_p]),
    "tenon_model_device_problem": (c_char_p, [c_void_p]),
    "tenon_model_num_kernels": (c_size_t, [c_void_p]),
    "tenon_model_kernel": (POINTER(TenonKernelInfo), [c_void_p, c_size_t]),
    "tenon_model_weights_size": (c_uint64, [c_void_p]),
    "tenon_session_create": (c_void_p, [c_void_p, POINTER(TenonSessionOptions), POINTER(c_void_p)]),
    "tenon_session_free": (None, [c_void_p]),
    "tenon_session_bind": (c_void_p, [c_void_p, POINTER(TenonTensor), c_size_t]),
    "tenon_session_output": (TenonTensor, [c_void_p, c_size_t]),
    "tenon_session_run": (c_void_p, [c_void_p, POINTER(TenonTensor), c_size_t, POINTER(TenonTensor), c_size_t]),
    "tenon_session_place_input": (c_void_p, [c_void_p, c_size_t, c_int, c_int32]),
    "tenon_session_place_output": (c_void_p, [c_void_p, c_size_t, c_int, c_int32]),
    "tenon_session_threads": (c_int32, [c_void_p]),
    "tenon_session_workspace_size": (c_uint64, [c_void_p]),
    "tenon_session_notes": (c_char_p, [c_void_p]),
    "tenon_session_was_replayed": (c_int32, [c_void_p]),
    "tenon_session_profile": (c_size_t, [c_void_p, POINTER(POINTER(TenonProfileEntry))]),
    "tenon_session_profile_reset": (None, [c_void_p]),
}
_COMPILER = {
    "tenon_compile_file": (c_void_p, [c_char_p, POINTER(TenonCompileOptions), POINTER(c_void_p)]),
    "tenon_compile_buffer": (c_void_p, [c_char_p, c_size_t, POINTER(TenonCompileOptions), POINTER(c_void_p)]),
    "tenon_model_save": (c_void_p, [c_void_p, c_char_p]),
}


def _open(name: str, functions: dict) -> ctypes.CDLL:
    """Opens a library of Tenon's from where it stands beside this package, or where the system's loader finds it."""
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [
        os.path.join(here, "lib"),  # a wheel
        os.path.join(here, "..", "..", "lib"),  # a build tree: python/tenon beside lib
        os.path.join(here, "..", "..", ".."),  # an installed tree: lib/python3/dist-packages/tenon
    ]
    if os.environ.get(LIBRARY_DIR_VARIABLE):
        folders = [os.environ[LIBRARY_DIR_VARIABLE]]
    paths = [os.path.normpath(os.path.join(folder, name)) for folder in folders]
    path = next((p for p in paths if os.path.exists(p)), name)
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        places = ", ".join(os.path.dirname(p) for p in paths)
        raise ResourceError(f"can't load {name}: {error} (looked in {places}, and where the system looks for "
                            f"libraries; {LIBRARY_DIR_VARIABLE} names another folder)") from None
    for function, (result, arguments) in functions.items():
        try:
            pointer = getattr(library, function)
        except AttributeError:
            raise ResourceError(f"{path} is of another version than this package: it has no {function}") from None
        pointer.restype, pointer.argtypes = result, arguments
    return library


@functools.lru_cache(maxsize=None)
def runtime() -> ctypes.CDLL:
    """libtenon, which loads and runs compiled models."""
    return _open("libtenon.so.0", _RUNTIME)


@functools.lru_cache(maxsize=None)
def compiler() -> ctypes.CDLL:
    """libtenon_compiler. It is opened when it is first used: running compiled models needs no compiler."""
    runtime()  # first, so that both are from the same place
    return _open("libtenon_compiler.so", _COMPILER)


def check(error: int | None) -> None:
    """Raises the exception for an error that a function returned, and frees it."""
    if not error:
        return
    library = runtime()
    try:
        text = library.tenon_error_json(error).decode()
    finally:
        library.tenon_error_free(error)
    raise make_error(text)


def make(function: Callable[..., Any], *arguments: Any) -> int:
    """Calls a function whose last argument receives a handle, and gives the handle."""
    handle = c_void_p()
    check(function(*arguments, byref(handle)))
    return handle.value or 0


def encode(text: str | os.PathLike) -> bytes:
    """A name or a path for the C interface."""
    data = os.fsencode(text)
    if b"\0" in data:
        raise UsageError(f"{os.fsdecode(text)!r} has a null character in it")
    return data


def encode_path(path: str | os.PathLike) -> bytes:
    """A path for the C interface, which an empty text is not."""
    data = encode(path)
    if not data:
        raise UsageError("expected a path, found ''")
    return data


def encode_device(device: Any) -> bytes | None:
    """The name of a device for the C interface, where none is the default."""
    if device is None:
        return None
    if not isinstance(device, str) or not device:
        raise UsageError(f"device {device!r}: expected 'cpu', 'cuda' or 'cuda:N'")
    return encode(device)
