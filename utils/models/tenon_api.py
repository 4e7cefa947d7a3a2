"""The part of Tenon's C interface that the tests use, through ctypes: include/tenon/tenon.h and compiler.h say what
the functions do."""

import ctypes
import os

import numpy as np

# TenonDType, which are ONNX's numbers too.
DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
          10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64}
NUMBERS = {np.dtype(dtype): number for number, dtype in DTYPES.items()}


class Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64))]


class TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64)), ("dim_names", ctypes.POINTER(ctypes.c_char_p))]


class SessionOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("threads", ctypes.c_int32), ("max_shapes", ctypes.c_int32),
                ("profile", ctypes.c_int32)]


class CompileOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("target", ctypes.c_char_p), ("provider", ctypes.c_char_p),
                ("shapes", ctypes.POINTER(ctypes.c_char_p)), ("num_shapes", ctypes.c_size_t),
                ("bindings", ctypes.POINTER(ctypes.c_char_p)), ("num_bindings", ctypes.c_size_t),
                ("external_data_folder", ctypes.c_char_p), ("progress", ctypes.c_void_p),
                ("progress_context", ctypes.c_void_p)]


class TenonError(Exception):
    """An error of the library; `code` is a TenonErrorCode."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def view(array, name=None):
    """A Tensor of a contiguous array. It borrows: the array and what is returned beside it must live on."""
    dims = (ctypes.c_int64 * max(1, array.ndim))(*array.shape)
    return Tensor(name, array.ctypes.data, NUMBERS[array.dtype], array.ndim, dims), dims


class Library:
    """libtenon of a build folder, and libtenon_compiler when it is first asked for."""

    def __init__(self, build):
        self.build = build
        self.runtime = ctypes.CDLL(os.path.join(build, "lib", "libtenon.so"), mode=ctypes.RTLD_GLOBAL)
        self.compiler = None
        pointer, tensors = ctypes.c_void_p, ctypes.POINTER(Tensor)
        results = ctypes.POINTER(pointer)
        for name, result, parameters in (
                ("tenon_error_code", ctypes.c_int, [pointer]),
                ("tenon_error_message", ctypes.c_char_p, [pointer]),
                ("tenon_error_free", None, [pointer]),
                ("tenon_model_load", pointer, [ctypes.c_char_p, results]),
                ("tenon_model_free", None, [pointer]),
                ("tenon_model_num_inputs", ctypes.c_size_t, [pointer]),
                ("tenon_model_num_outputs", ctypes.c_size_t, [pointer]),
                ("tenon_model_input", ctypes.POINTER(TensorInfo), [pointer, ctypes.c_size_t]),
                ("tenon_model_output", ctypes.POINTER(TensorInfo), [pointer, ctypes.c_size_t]),
                ("tenon_session_create", pointer, [pointer, ctypes.POINTER(SessionOptions), results]),
                ("tenon_session_free", None, [pointer]),
                ("tenon_session_bind", pointer, [pointer, tensors, ctypes.c_size_t]),
                ("tenon_session_output", Tensor, [pointer, ctypes.c_size_t]),
                ("tenon_session_run", pointer, [pointer, tensors, ctypes.c_size_t, tensors, ctypes.c_size_t])):
            function = getattr(self.runtime, name)
            function.restype, function.argtypes = result, parameters

    def check(self, error):
        """Raises what a function returned, unless it is null."""
        if not error:
            return
        code = self.runtime.tenon_error_code(error)
        message = self.runtime.tenon_error_message(error).decode(errors="replace")
        self.runtime.tenon_error_free(error)
        raise TenonError(code, message)

    def load(self, path):
        """A compiled model's handle."""
        model = ctypes.c_void_p()
        self.check(self.runtime.tenon_model_load(path.encode(), ctypes.byref(model)))
        return model

    def compile(self, path, provider=None):
        """The handle of a model compiled in this process."""
        if self.compiler is None:
            self.compiler = ctypes.CDLL(os.path.join(self.build, "lib", "libtenon_compiler.so"))
            self.compiler.tenon_compile_file.restype = ctypes.c_void_p
            self.compiler.tenon_compile_file.argtypes = [ctypes.c_char_p, ctypes.POINTER(CompileOptions),
                                                         ctypes.POINTER(ctypes.c_void_p)]
        options = CompileOptions(struct_size=ctypes.sizeof(CompileOptions),
                                 provider=provider.encode() if provider else None)
        model = ctypes.c_void_p()
        self.check(self.compiler.tenon_compile_file(path.encode(), ctypes.byref(options), ctypes.byref(model)))
        return model


class Session:
    """A model with a session of it, on NumPy arrays. `open_model` gives the model's handle."""

    def __init__(self, library, open_model, threads):
        self.library = library
        runtime = library.runtime
        self.model = open_model()
        self.session = ctypes.c_void_p()
        options = SessionOptions(struct_size=ctypes.sizeof(SessionOptions), threads=threads)
        library.check(runtime.tenon_session_create(self.model, ctypes.byref(options), ctypes.byref(self.session)))

        def names(count, get):
            return [get(self.model, i).contents.name.decode() for i in range(count(self.model))]

        self.inputs = names(runtime.tenon_model_num_inputs, runtime.tenon_model_input)
        self.outputs = names(runtime.tenon_model_num_outputs, runtime.tenon_model_output)

    def bind(self, arrays):
        """Takes these inputs, in the model's order, and makes room for their outputs."""
        self.arrays = [np.ascontiguousarray(array).reshape(array.shape) for array in arrays]
        self.kept = [view(array) for array in self.arrays]
        self.tensors = (Tensor * len(arrays))(*(tensor for tensor, _ in self.kept))
        self.library.check(self.library.runtime.tenon_session_bind(self.session, self.tensors, len(self.tensors)))
        self.results = []
        for i in range(len(self.outputs)):
            found = self.library.runtime.tenon_session_output(self.session, i)
            shape = tuple(found.dims[d] for d in range(found.rank))
            self.results.append(np.empty(shape, DTYPES[found.dtype]))
        kept = [view(array) for array in self.results]
        self.kept += kept
        self.result_tensors = (Tensor * len(kept))(*(tensor for tensor, _ in kept))

    def run(self):
        """Runs on what is bound; the outputs are in `results` until the next run."""
        self.library.check(self.library.runtime.tenon_session_run(
            self.session, self.tensors, len(self.tensors), self.result_tensors, len(self.result_tensors)))

    def close(self):
        self.library.runtime.tenon_session_free(self.session)
        self.library.runtime.tenon_model_free(self.model)
