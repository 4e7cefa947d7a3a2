"""Makes cases of a bundle of ONNX's own tests: reads requests as worker.py does, but compiles each test's model, and keeps
it with its inputs and what they should give, in a bundle.

    recording.py BUNDLE TARGET

Recorded is what the tests' runner does: the backend here keeps what it is given, and runs nothing.
"""

import os
import sys
from typing import Any, List

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(root, "test", "conformance"), os.path.join(root, "utils", "gpu", "device")]
import onnx
import onnx.backend.test

import tenon
import tenon.backend
import worker
from bundled import PROVIDERS, CaseWriter
from variants import VariantBackend, forget_dimensions


class Recorder:
    """Stands for a compiled model in the hands of the runner."""

    def __init__(self, model: tenon.Model, writer: CaseWriter) -> None:
        self.model = model
        self.writer = writer

    def run(self, inputs: List[Any]) -> List[Any]:
        infos = self.model.inputs
        self.inputs = {info.name: tenon.backend._from_onnx(value, info) for info, value in zip(infos, inputs)}
        RecordingTest.recorder = self
        return []


class RecordingBackend(VariantBackend):
    """Compiles with dynamic shapes, and gives a recorder."""

    folder = ""
    target = ""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **_: Any) -> Any:
        compiled = tenon.compile(forget_dimensions(model), target=cls.target, provider=PROVIDERS)
        writer = CaseWriter(cls.folder, f"suite/{cls.test}")
        compiled.save(writer.model_path())
        return Recorder(compiled, writer)


class RecordingTest(onnx.backend.test.BackendTest):
    """Keeps what is expected."""

    recorder: Recorder

    @classmethod
    def assert_similar_outputs(cls, ref_outputs: Any, outputs: Any, rtol: float, atol: float) -> None:
        recorder = cls.recorder
        names = [info.name for info in recorder.model.outputs]
        recorder.writer.add_data(recorder.inputs, dict(zip(names, ref_outputs)))
        recorder.writer.write(check={"kind": "close", "rtol": rtol, "atol": atol})


def main() -> None:
    RecordingBackend.folder, RecordingBackend.target = sys.argv[1:]
    worker.serve(worker.load_tests(RecordingTest, RecordingBackend), RecordingBackend)


if __name__ == "__main__":
    main()
