"""Tenon: a deployment compiler for neural networks.

    import tenon

    model = tenon.compile("model.onnx")
    outputs = model(x=array)            # a dictionary of NumPy arrays
    model.save("model.so")
    model = tenon.load("model.so")      # needs no compiler

`tenon.InferenceSession` has the call shape of ONNX Runtime's, and `tenon.backend` is an ONNX backend.
"""

from ._compile import PassTurn, compile
from ._errors import Diagnostic, Error, InternalError, InvalidError, ResourceError, UnsupportedError, UsageError
from ._inference_session import InferenceSession, SessionOptions
from ._libraries import runtime as _runtime
from ._model import KernelInfo, Model, ProfileEntry, Session, TensorInfo, default_threads, load

__all__ = [
    "Diagnostic", "Error", "InferenceSession", "InternalError", "InvalidError", "KernelInfo", "Model", "PassTurn", "ProfileEntry",
    "ResourceError", "Session", "SessionOptions", "TensorInfo", "UnsupportedError", "UsageError", "compile",
    "default_threads", "load",
]


def __getattr__(name: str) -> str:
    # The library's version; asking for it opens the library, importing the package does not.
    if name == "__version__":
        return _runtime().tenon_version_string().decode()
    raise AttributeError(f"module 'tenon' has no attribute '{name}'")
