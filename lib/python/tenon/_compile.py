"""Compiling models in process."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Callable, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import _libraries
from ._errors import UsageError
from ._libraries import PASS_FUNCTION, PROGRESS_FUNCTION, TenonCompileOptions
from ._model import Model

#: What a model may be given as: the path of a file, its bytes, or an `onnx.ModelProto`.
ModelSource = Union[str, os.PathLike, bytes, bytearray, memoryview, Any]


class PassTurn(NamedTuple):
    """A pass of the compiler that can be left out, when its turn comes.

    Attributes:
        number: from 1 on, over all phases.
        phase: the phase that it belongs to.
        name: the name that it has on the command line of tenon-opt.
        function: the function that it works on, or "" for all.
        runs: whether it runs, or is left out.
    """

    number: int
    phase: str
    name: str
    function: str
    runs: bool


def _number(value: Any) -> str:
    """A number in the syntax of the compiler's options; it reads floating-point numbers back to the same bits."""
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return repr(value.item() if isinstance(value, np.generic) else value)


def _mapping(option: str, value: Any, what: str) -> Mapping[str, Any]:
    """An option that is a dictionary of inputs, or None."""
    if value is not None and not isinstance(value, Mapping):
        raise UsageError(f"{option} is {value!r}, expected a dictionary of inputs to {what}")
    return value or {}


def _patterns(option: str, value: Any) -> List[str]:
    """An option that is a list of patterns."""
    if isinstance(value, str):
        raise UsageError(f"{option} is a list of patterns, not one text")
    if not isinstance(value, Iterable):
        raise UsageError(f"{option} is {value!r}, expected a list of patterns")
    patterns = list(value)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise UsageError(f"{option} has {pattern!r}, expected patterns as texts")
    return patterns


def _shape_option(name: str, shape: Sequence[Any]) -> str:
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise UsageError(f"the shape of '{name}' is {shape!r}, expected a list of dimensions")
    return f"{name}=" + "x".join("?" if dim is None or isinstance(dim, str) else str(int(dim)) for dim in shape)


def _binding_option(name: str, value: Any) -> str:
    values = np.asarray(value)
    if not values.size:
        raise UsageError(f"binding '{name}' has no value")
    return f"{name}=" + ",".join(_number(v) for v in values.ravel())


def _strings(texts: List[str]) -> Any:
    return (ctypes.c_char_p * len(texts))(*map(_libraries.encode, texts)) if texts else None


class _Calls:
    """Functions of the caller's that the compiler calls: what they raise can't pass through it, so it waits until the
    compiler returns."""

    def __init__(self):
        self._raised = None

    def guard(self, name, function):
        if function is None:
            return None
        if not callable(function):
            raise UsageError(f"{name} is a function, not {type(function).__name__}")

        def call(*arguments):
            if self._raised is None:
                try:
                    function(*arguments)
                except BaseException as error:  # Ctrl-C, too.
                    self._raised = error
        return call

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._raised is not None:
            raise self._raised


def compile(model: ModelSource, *, target: Optional[str] = None, provider: Optional[str] = None,
            shapes: Optional[Mapping[str, Sequence[Union[int, str, None]]]] = None,
            bindings: Optional[Mapping[str, Any]] = None,
            progress: Optional[Callable[[str], None]] = None, max_passes: Optional[int] = None,
            on_pass: Optional[Callable[[PassTurn], None]] = None, expose_kernels: bool = False,
            tuning: Union[str, os.PathLike, None] = None, precision: Optional[str] = None,
            keep_fp32: Sequence[str] = (), device: Optional[str] = None, half_io: Sequence[str] = ()) -> Model:
    """Compiles an ONNX model in this process.

    Args:
        model: the path of a file, its bytes, or an `onnx.ModelProto`. Only a file can have external data, which stands
            in its folder.
        target: "native" (the default: this processor), a level or a processor of x86-64 ("x86-64-v3",
            "sapphirerapids"), a target triple, GPUs beside this processor ("cuda:sm_90"), or a model for each, of which
            one is chosen ("native,cuda:sm_90").
        provider: "auto" (the default: all, the best for each kernel), or those to use, best first: "codegen",
            "onednn,codegen" (without "winograd": convolutions as they are defined).
        shapes: dimensions of inputs to fix; None or a name leaves one as it is: `{"x": (1, 3, None, None)}`.
        bindings: inputs to make constants: `{"sr": 16000}`.
        progress: called with the name of each phase as it begins. If it raises, it is not called again, and `compile`
            raises that in the end.
        max_passes: for finding faults: how many of the passes that can be left out run. By default all of them.
        on_pass: called at the turn of each of these passes. If it raises: as `progress`.
        expose_kernels: make outputs of the results of all kernels, behind the model's own.
        tuning: a file that `tenon-bench --tune` wrote: which provider runs which kernel. By default estimates decide.
        precision: "bf16" or "fp16": what matrix products and convolutions multiply, and most of what is between them.
            "tf32", for a GPU: fp32, but what is multiplied may be rounded to 10 bits.
            "fp16" needs a target with avx512fp16. By default "fp32", what the model has.
        keep_fp32: nodes that stay fp32 then, by patterns of their names: `["/head/*"]`. Each has to match a node.
        device: what the model runs on; see `load`.
        half_io: inputs and outputs of fp32 that get the type of `precision` too, by patterns of their names:
            `["past*", "present*"]`. Each has to match one.

    Raises:
        UsageError: an option is wrong.
        InvalidError: this is no valid model.
        UnsupportedError: the model needs what this version has not; `diagnostics` lists all of it.
        ResourceError: a file or memory failed.
    """
    shape_options = [_shape_option(name, shape) for name, shape in _mapping("shapes", shapes, "dimensions").items()]
    keep_fp32, half_io = _patterns("keep_fp32", keep_fp32), _patterns("half_io", half_io)
    binding_options = [_binding_option(name, value)
                       for name, value in _mapping("bindings", bindings, "values").items()]
    calls = _Calls()
    progress, on_pass = calls.guard("progress", progress), calls.guard("on_pass", on_pass)
    callback = PROGRESS_FUNCTION((lambda _, phase: progress(phase.decode())) if progress else 0)
    pass_callback = PASS_FUNCTION((lambda _, number, phase, name, function, runs: on_pass(PassTurn(
        number, phase.decode(), name.decode(), function.decode(), bool(runs)))) if on_pass else 0)
    options = TenonCompileOptions(
        struct_size=ctypes.sizeof(TenonCompileOptions),
        target=_libraries.encode(target) if target else None,
        provider=_libraries.encode(provider) if provider else None,
        shapes=_strings(shape_options), num_shapes=len(shape_options),
        bindings=_strings(binding_options), num_bindings=len(binding_options), progress=callback,
        max_passes=ctypes.pointer(ctypes.c_size_t(max_passes)) if max_passes is not None else None,
        pass_=pass_callback, expose_kernels=expose_kernels,
        tuning=_libraries.encode(tuning) if tuning is not None else None,
        precision=_libraries.encode(precision) if precision is not None else None,
        keep_fp32=_strings(keep_fp32), num_keep_fp32=len(keep_fp32),
        device=_libraries.encode_device(device), half_io=_strings(half_io), num_half_io=len(half_io))
    library = _libraries.compiler()
    if isinstance(model, (str, os.PathLike)):
        with calls:
            return Model(_libraries.make(library.tenon_compile_file, _libraries.encode_path(model),
                                         ctypes.byref(options)))
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    if not isinstance(model, (bytes, bytearray, memoryview)):
        raise UsageError(f"a model is a path, bytes or an onnx.ModelProto, not {type(model).__name__}")
    data = bytes(model)
    with calls:
        return Model(_libraries.make(library.tenon_compile_buffer, data, len(data), ctypes.byref(options)))
