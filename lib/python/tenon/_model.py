"""Compiled models and the sessions that run them."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
import threading
import weakref
from ctypes import byref
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _libraries
from ._arrays import as_array, dtype_code, set_tensor
from ._dlpack import HOST_MEMORY, find_device, set_device_tensor
from ._errors import ResourceError, UnsupportedError, UsageError
from ._libraries import TenonModelOptions, TenonProfileEntry, TenonSessionOptions, TenonTensor
from ._types import BY_CODE, DType
from ._values import TENSOR, Value, read_array, read_value, set_value, type_name, view_beginning


class TensorInfo(NamedTuple):
    """An input or output of a model.

    Attributes:
        name: the name that it has in ONNX.
        shape: for each dimension its size, its name if it is dynamic, or None if it is dynamic and has no name. Equal
            names have equal sizes. Of what is not a tensor, the shape of the arrays in it, where dimensions that are
            None may differ; None if they may have any shape.
        type: the type as ONNX Runtime writes it, such as "tensor(float)" or "seq(tensor(float))".
        dtype: the type that arrays of outputs have, and arrays for inputs should have.
    """

    name: str
    shape: Optional[Tuple[Union[int, str, None], ...]]
    type: str
    dtype: np.dtype


class ProfileEntry(NamedTuple):
    """One kernel's part of a session's runs."""

    name: str
    provider: str
    implementation: str
    #: The inputs and outputs of the last call: "f32[1x3x8x8], f32[4x3x3x3] -> f32[1x4x6x6]".
    shapes: str
    calls: int
    nanoseconds: int
    #: Arithmetic operations of all calls, a multiply-add two and a function such as exp ten; -1 if that is not known.
    flops: int
    #: Bytes of all inputs and outputs of all calls, once each.
    bytes: int
    #: The least that its calls of one run took together.
    least_nanoseconds: int


class KernelInfo(NamedTuple):
    """A kernel of a model."""

    name: str  #: the names of its nodes, joined by " + "
    provider: str  #: who runs it: "codegen", "onednn", "cuda", ...
    on_device: bool  #: whether it runs on the model's device, or on the processor


def _describe(info: _libraries.TenonTensorInfo) -> Tuple[TensorInfo, DType, int]:
    dims = (info.dims[i] for i in range(info.rank))
    names = (info.dim_names[i].decode() for i in range(info.rank))
    shape = tuple(dim if dim >= 0 else name or None for dim, name in zip(dims, names)) if info.rank >= 0 else None
    name = info.name.decode()
    if info.dtype not in BY_CODE:
        raise UnsupportedError(f"'{name}' has an element type that this package does not know ({info.dtype})")
    dtype = BY_CODE[info.dtype]
    return TensorInfo(name, shape, type_name(info.kind, dtype), dtype.numpy), dtype, info.kind


class Model:
    """A compiled model: code and weights. It never changes, and any number of threads may use it.

    Calling it runs it: `model(x=array)` gives a dictionary of the outputs' arrays by their names. Names that are no
    Python identifiers go in as `model(**{"input.1": array})`, and arrays without a name are for the inputs in order.
    Each thread that calls the model has a session of its own for it, with the default options. To choose threads or
    to time kernels, make a `session()`.

    `tenon.compile` and `tenon.load` make models.
    """

    def __init__(self, handle: int, path: Optional[str] = None) -> None:
        library = _libraries.runtime()
        self._handle = handle
        self._path = path
        self._finalizer = weakref.finalize(self, library.tenon_model_free, handle)
        self._sessions = threading.local()
        inputs = [_describe(library.tenon_model_input(handle, i)[0])
                  for i in range(library.tenon_model_num_inputs(handle))]
        outputs = [_describe(library.tenon_model_output(handle, i)[0])
                   for i in range(library.tenon_model_num_outputs(handle))]
        #: What the model takes, in its order.
        self.inputs: Tuple[TensorInfo, ...] = tuple(info for info, _, _ in inputs)
        #: What the model gives, in its order.
        self.outputs: Tuple[TensorInfo, ...] = tuple(info for info, _, _ in outputs)
        self._input_types = [dtype for _, dtype, _ in inputs]
        self._output_types = [dtype for _, dtype, _ in outputs]
        self._input_kinds = [kind for _, _, kind in inputs]
        self._output_kinds = [kind for _, _, kind in outputs]

    @property
    def name(self) -> str:
        """The name that the model's file had when it was compiled."""
        return _libraries.runtime().tenon_model_name(self._handle).decode()

    @property
    def device(self) -> str:
        """What the model runs on: "cpu", "cuda", or "cuda:N" if that is not the first device."""
        return _libraries.runtime().tenon_model_device(self._handle).decode()

    @property
    def devices(self) -> Tuple[str, ...]:
        """What there is code for in what the model was loaded from: "cpu", "cuda", or both."""
        return tuple(_libraries.runtime().tenon_model_devices(self._handle).decode().split(","))

    @property
    def device_problem(self) -> str:
        """Why a model with code for both runs on the processor though no device was asked for; else ""."""
        return _libraries.runtime().tenon_model_device_problem(self._handle).decode()

    @property
    def kernels(self) -> Tuple[KernelInfo, ...]:
        """The kernels that the model is made of."""
        library = _libraries.runtime()
        infos = (library.tenon_model_kernel(self._handle, i)[0]
                 for i in range(library.tenon_model_num_kernels(self._handle)))
        return tuple(KernelInfo(info.name.decode(), info.provider.decode(), bool(info.on_device)) for info in infos)

    @property
    def weights_size(self) -> int:
        """Bytes of the model's constants; of a model for a GPU, of those in its memory."""
        return _libraries.runtime().tenon_model_weights_size(self._handle)

    def session(self, *, threads: int = 0, max_shapes: int = 0, profile: bool = False) -> "Session":
        """Makes a session: memory and threads of its own. See `Session`."""
        return Session(self, threads=threads, max_shapes=max_shapes, profile=profile)

    def __call__(self, *arrays: Any, **named: Any) -> Dict[str, Value]:
        session = getattr(self._sessions, "own", None)
        if session is None:
            session = self._sessions.own = self.session()
        return session(*arrays, **named)

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Writes the model as a shared library, which `tenon.load`, `tenon-run` and the C interface load. What it was
        compiled from is not needed and not read again. The name ends with `.so`."""
        if self._path is None:
            _libraries.check(_libraries.compiler().tenon_model_save(self._handle, _libraries.encode(path)))
            return
        name = os.fsdecode(_libraries.encode_path(path))
        if not name.endswith(".so"):
            raise UsageError(f"the output '{name}' is a compiled model: expected a name that ends with .so")
        # A file that may be the loaded one must not be written in place.
        try:
            handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(name)))
            os.close(handle)
            try:
                shutil.copy(self._path, temporary)
                os.replace(temporary, name)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            # An error of copying names both files, whichever it is of: most are of the one that is written.
            if error.filename == self._path and error.filename2 is None:
                raise ResourceError(f"can't read '{self._path}', which the model was loaded from: {error.strerror}") from error
            raise ResourceError(f"can't write '{name}': {error.strerror}") from error

    def __repr__(self) -> str:
        def show(infos: Sequence[TensorInfo]) -> str:
            def one(info: TensorInfo) -> str:
                dims = ["..."] if info.shape is None else [str(d) if d is not None else "?" for d in info.shape]
                text = f"{info.dtype}[{', '.join(dims)}]"
                for word in ("seq", "optional"):
                    text = f"{word}({text})" if f"{word}(" in info.type else text
                return f"{info.name}: {text}"
            return ", ".join(one(info) for info in infos)
        return f"<tenon.Model {self.name!r} ({show(self.inputs)}) -> ({show(self.outputs)})>"


class Session:
    """What one caller needs to run a model: its memory and its threads. A session is for one thread at a time; sessions
    of one model run at once.

    Args:
        model: what to run.
        threads: how many threads work on a run, the caller's among them; 0 means as many as the process may use.
        max_shapes: how many shapes stay prepared; 0 means 8.
        profile: measure every kernel, see `profile()`.
    """

    def __init__(self, model: Model, *, threads: int = 0, max_shapes: int = 0, profile: bool = False) -> None:
        for name, value in (("threads", threads), ("max_shapes", max_shapes)):
            if not isinstance(value, (int, np.integer)) or not 0 <= value < 2**31:
                raise UsageError(f"{name} is {value!r}, expected 0 or a larger whole number")
        options = TenonSessionOptions(ctypes.sizeof(TenonSessionOptions), threads, max_shapes, profile)
        library = _libraries.runtime()
        self.model = model
        self._library = library
        self._handle = _libraries.make(library.tenon_session_create, model._handle, byref(options))
        self._finalizer = weakref.finalize(self, library.tenon_session_free, self._handle)
        self._names = [info.name.encode() for info in model.inputs]
        self._positions = {info.name: i for i, info in enumerate(model.inputs)}
        self._output_positions = {info.name: i for i, info in enumerate(model.outputs)}
        self._is_computed = [False] * len(model.outputs)
        # Where the runtime takes inputs and outputs to be.
        self._input_places = [(HOST_MEMORY, 0)] * len(model.inputs)
        self._output_places = [(HOST_MEMORY, 0)] * len(model.outputs)

    @property
    def threads(self) -> int:
        """Threads that the session uses."""
        return self._library.tenon_session_threads(self._handle)

    @property
    def workspace_size(self) -> int:
        """Bytes that the session holds for intermediate results."""
        return self._library.tenon_session_workspace_size(self._handle)

    @property
    def notes(self) -> Tuple[str, ...]:
        """What is there that the session can't use, and why: a library of a GPU in whose place it runs generated
        code."""
        return tuple(self._library.tenon_session_notes(self._handle).decode().splitlines())

    @property
    def was_replayed(self) -> bool:
        """Whether the last run was a launch of a CUDA graph, besides copies of what is placed on the device."""
        return bool(self._library.tenon_session_was_replayed(self._handle))

    def __call__(self, *arrays: Any, **named: Any) -> Dict[str, Value]:
        """Runs the model; see `Model`."""
        if len(arrays) > len(self.model.inputs):
            raise UsageError(f"{len(arrays)} arrays for a model with {len(self.model.inputs)} inputs")
        inputs = {info.name: array for info, array in zip(self.model.inputs, arrays)}
        for name in named:
            if name in inputs:
                raise UsageError(f"input '{name}' is given twice")
        inputs.update(named)
        return self.run(inputs)

    def run(self, inputs: Mapping[str, Any], outputs: Optional[Mapping[str, Any]] = None,
            ) -> Dict[str, Value]:
        """Runs the model.

        Args:
            inputs: an array for each of the model's inputs, by name. Arrays that are contiguous, aligned and in the
                machine's byte order are read in place, others are copied first. What has `__dlpack__` is read in place
                too; if it is in the memory of the GPU on which the model runs, it stays there. Numbers and lists take
                the input's type. A sequence is a list (or any iterable) of arrays, an optional that holds nothing is
                None.
            outputs: the outputs that are wanted, by name: an array to write to, or None to make one. By default all.
                Sequences and optionals are always made. An array in the GPU's memory that has `__dlpack__` is written
                there.

        Returns:
            the wanted outputs by name, those that were given as they were given. The arrays are the caller's; the
            runtime has written to them directly. Where the dimensions depend on the inputs' data, an array that is
            given may be larger than the result, which is then a view of its beginning.
        """
        tensors, kept = self._input_tensors(inputs)
        self._check(self._library.tenon_session_bind(self._handle, tensors, len(tensors)))
        if outputs is None:
            outputs = dict.fromkeys(self._output_positions)
        results: Dict[str, Value] = {}
        targets = (TenonTensor * len(outputs))()
        for name, position in self._output_positions.items():
            if name not in outputs:
                self._place(self._library.tenon_session_place_output, self._output_places, position, (HOST_MEMORY, 0))
        for target, (name, array) in zip(targets, outputs.items()):
            if name not in self._output_positions:
                raise UsageError(f"the model has no output '{name}', it has: {', '.join(self._output_positions)}")
            position = self._output_positions[name]
            place = find_device(array)
            self._place(self._library.tenon_session_place_output, self._output_places, position, place)
            if place[0] != HOST_MEMORY:
                kept.append(set_device_tensor(target, name.encode(), array, self.model._output_types[position],
                                              f"output '{name}'"))
                self._is_computed[position] = False
                results[name] = array
                continue
            results[name] = self._output_tensor(target, position, array)
        self._check(self._library.tenon_session_run(self._handle, tensors, len(tensors), targets, len(targets)))
        del kept
        for name in results:
            if self._is_computed[self._output_positions[name]]:
                results[name] = self._computed_output(self._output_positions[name], results[name])
        return results

    def _input_tensors(self, inputs: Mapping[str, Any]) -> Tuple[Any, List[Any]]:
        """The tensors of the C interface, and the arrays that they are views of."""
        tensors = (TenonTensor * len(inputs))()
        arrays = []
        for tensor, (name, value) in zip(tensors, inputs.items()):
            position = self._positions.get(name)
            if position is None:
                raise UsageError(f"the model has no input '{name}', it has: {', '.join(self._positions)}")
            expected = self.model._input_types[position]
            if self.model._input_kinds[position] != TENSOR:
                arrays += set_value(tensor, self._names[position], self.model._input_kinds[position], value, expected)
                continue
            place = find_device(value)
            self._place(self._library.tenon_session_place_input, self._input_places, position, place)
            if place[0] != HOST_MEMORY:
                arrays.append(set_device_tensor(tensor, self._names[position], value, expected, f"input '{name}'"))
                continue
            array = as_array(value, expected, name)
            set_tensor(tensor, self._names[position], array, dtype_code(array, expected, name))
            arrays.append(array)
        return tensors, arrays

    def _place(self, function: Any, places: List[Tuple[int, int]], position: int, place: Tuple[int, int]) -> None:
        """Tells the runtime where an input or output is, if that is new."""
        if places[position] != place:
            self._check(function(self._handle, position, *place))
            places[position] = place

    def _computed_output(self, position: int, array: Optional[np.ndarray]) -> Value:
        """A result whose dimensions only the run has told: the beginning of `array`, or what the session keeps."""
        result = self._library.tenon_session_output(self._handle, position)
        dtype, kind = self.model._output_types[position], self.model._output_kinds[position]
        if kind != TENSOR:
            return read_value(result, kind, dtype)
        return read_array(result, dtype) if array is None else view_beginning(array, result)

    def _output_tensor(self, target: TenonTensor, position: int,
                       array: Optional[np.ndarray]) -> Optional[np.ndarray]:
        """Makes `target` a view of `array`, or of a new array, for an output; none if its size is not known."""
        bound = self._library.tenon_session_output(self._handle, position)
        dtype = self.model._output_types[position]
        is_tensor = self.model._output_kinds[position] == TENSOR
        self._is_computed[position] = not is_tensor or any(bound.dims[i] < 0 for i in range(bound.rank))
        if array is not None and not is_tensor:
            raise UsageError(f"output '{self.model.outputs[position].name}' is {self.model.outputs[position].type}, "
                             "which can't be written to an array")
        if array is None and self._is_computed[position]:
            # The session keeps the result until its dimensions are known.
            for field in ("name", "data", "dtype", "rank", "dims"):
                setattr(target, field, getattr(bound, field))
            return None
        if array is None:
            array = np.empty([bound.dims[i] for i in range(bound.rank)], dtype.numpy)
        elif not (array.flags.c_contiguous and array.flags.aligned and array.flags.writeable
                  and array.dtype.isnative):
            raise UsageError(f"the array for output '{self.model.outputs[position].name}' must be contiguous, aligned "
                             "and writable, in the machine's byte order")
        set_tensor(target, bound.name, array, dtype_code(array, dtype, self.model.outputs[position].name))
        return array

    def profile(self) -> List[ProfileEntry]:
        """What the kernels took since the session began or the last `reset_profile()`."""
        entries = ctypes.POINTER(TenonProfileEntry)()
        count = self._library.tenon_session_profile(self._handle, byref(entries))
        return [ProfileEntry(e.name.decode(), e.provider.decode(), e.implementation.decode(), e.shapes.decode(), e.calls,
                             e.nanoseconds, e.flops, e.bytes, e.least_nanoseconds) for e in entries[:count]]

    def reset_profile(self) -> None:
        """Forgets what was measured."""
        self._library.tenon_session_profile_reset(self._handle)

    _check = staticmethod(_libraries.check)


def load(path: Union[str, os.PathLike], *, device: Optional[str] = None) -> Model:
    """Loads a compiled model, a shared library. The file must not change while it is in use.

    Args:
        path: the file.
        device: what the model runs on: "cpu", "cuda", or "cuda:N", the device number N. By default what it has code
            for; of a model with code for both, the first device, or the processor where the machine has no device.

    Raises:
        UsageError: there is no such kind of device.
        InvalidError: the file is no compiled model.
        UnsupportedError: it was made for another version, another processor or device, or needs a library that is not
            there.
        ResourceError: it can't be read.
    """
    _libraries.encode_path(path)
    path = os.path.abspath(path)
    options = TenonModelOptions(ctypes.sizeof(TenonModelOptions), _libraries.encode_device(device))
    return Model(_libraries.make(_libraries.runtime().tenon_model_load_with, _libraries.encode(path), byref(options)),
                 path)


def default_threads() -> int:
    """How many threads a session uses by default: as many as the process may."""
    return _libraries.runtime().tenon_default_threads()
