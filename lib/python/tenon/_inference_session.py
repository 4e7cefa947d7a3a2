"""ONNX Runtime's way to run a model, over Tenon."""

from __future__ import annotations

import os
import threading
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ._compile import ModelSource, compile
from ._model import Model, Session, TensorInfo, load


class SessionOptions:
    """The options of `InferenceSession` that mean something here."""

    def __init__(self) -> None:
        #: Threads that work on a run; 0 means as many as the process may use.
        self.intra_op_num_threads: int = 0
        #: Measure every kernel; `InferenceSession.session.profile()` tells.
        self.enable_profiling: bool = False


class InferenceSession:
    """Compiles or loads a model and runs it, with the calls of `onnxruntime.InferenceSession`. It may be used from any
    number of threads at once: each has a `tenon.Session` of its own.

    Args:
        path_or_bytes: an ONNX model (a path, bytes or an `onnx.ModelProto`), a compiled model (a path that ends with
            ".so"), or a `tenon.Model`.
        sess_options: see `SessionOptions`.
        providers: Tenon's kernel providers, best first: names, or ONNX Runtime's pairs of a name and options. Names that
            end with "ExecutionProvider" are passed over; with no other name, or with "auto", all may be used.
    """

    def __init__(self, path_or_bytes: Union[Model, ModelSource], sess_options: Optional[SessionOptions] = None,
                 providers: Optional[Sequence[Union[str, Tuple[str, Any]]]] = None, **_: Any) -> None:
        options = sess_options or SessionOptions()
        if isinstance(path_or_bytes, Model):
            model = path_or_bytes
        elif isinstance(path_or_bytes, (str, os.PathLike)) and os.fspath(path_or_bytes).endswith(".so"):
            model = load(path_or_bytes)
        else:
            names = [p if isinstance(p, str) else p[0] for p in providers or []]
            own = [name for name in names if not name.endswith("ExecutionProvider")]
            model = compile(path_or_bytes, provider=",".join(own) if own and "auto" not in own else None)
        self._model = model
        self._threads = options.intra_op_num_threads
        self._profile = options.enable_profiling
        self._sessions = threading.local()
        self._sessions.own = self._make_session()   # what can't be run is told now

    def _make_session(self) -> Session:
        return self._model.session(threads=self._threads, profile=self._profile)

    @property
    def session(self) -> Session:
        """The session that runs the model for this thread."""
        if not hasattr(self._sessions, "own"):
            self._sessions.own = self._make_session()
        return self._sessions.own

    def get_inputs(self) -> List[TensorInfo]:
        """The inputs, with `.name`, `.shape` and `.type`."""
        return list(self._model.inputs)

    def get_outputs(self) -> List[TensorInfo]:
        """The outputs, with `.name`, `.shape` and `.type`."""
        return list(self._model.outputs)

    def run(self, output_names: Optional[Sequence[str]], input_feed: Mapping[str, Any],
            run_options: Any = None) -> List[np.ndarray]:
        """Runs the model and gives the named outputs in that order; None means all."""
        results = self.session.run(input_feed, dict.fromkeys(output_names) if output_names else None)
        return [results[name] for name in output_names] if output_names else list(results.values())
