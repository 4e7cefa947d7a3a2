"""Runs single tests of ONNX's own runner: reads requests as lines of JSON, answers each with a line of JSON.

Many tests run in one process. If one of them ends the process, pool.py starts another.
"""

import json
import os
import sys
import unittest
from typing import Any, Dict, Sequence, Type

import onnx.backend.test

import tenon
from values import compare
from variants import Configuration, VariantBackend


class StrictTest(onnx.backend.test.BackendTest):
    """ONNX's runner, which compares shapes and integers exactly."""

    @classmethod
    def assert_similar_outputs(cls, ref_outputs: Sequence[Any], outputs: Sequence[Any], rtol: float,
                               atol: float) -> None:
        compare(list(ref_outputs), list(outputs), rtol, atol, "output")


def load_tests(runner: Type[onnx.backend.test.BackendTest],
               backend: Type[VariantBackend]) -> Dict[str, unittest.TestCase]:
    """All tests by name. Those of the kind `real` are not there: their models would be fetched from the internet."""
    tests: Dict[str, unittest.TestCase] = {}
    for category, case in runner(backend).test_cases.items():
        if "Real" in category:
            continue
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            if name.endswith("_cpu"):
                tests[name[: -len("_cpu")]] = case(name)
    return tests


def words_of(error: BaseException) -> str:
    if isinstance(error, tenon.Error):
        return f"{type(error).__name__}: {error.message}"
    return f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)


class Result(unittest.TestResult):
    """Keeps how one test ended."""

    def __init__(self) -> None:
        super().__init__()
        self.reply = {"result": "passed"}

    def addError(self, test: Any, err: Any) -> None:
        reason = words_of(err[1])
        only_library = VariantBackend.configuration.provider not in ("auto", "codegen", "cuda")
        declined = only_library and "has no provider that runs it" in reason
        self.reply = {"result": "declined" if declined else "failed", "reason": reason}

    addFailure = addError

    def addSkip(self, test: Any, reason: str) -> None:
        self.reply = {"result": "skipped", "reason": reason}


def serve(tests: Dict[str, unittest.TestCase], backend: Type[VariantBackend]) -> None:
    """Tells the tests' names, and answers requests."""
    # What tests or libraries print must not come between the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tenon._libraries.compiler()  # without it every test would fail

    def reply(value: Any) -> None:
        print(json.dumps(value), file=replies, flush=True)

    reply(sorted(tests))
    for line in sys.stdin:
        request = json.loads(line)
        backend.test, backend.configuration = request["test"], Configuration(*request["configuration"])
        result = Result()
        tests[request["test"]].run(result)
        reply(result.reply)


if __name__ == "__main__":
    serve(load_tests(StrictTest, VariantBackend), VariantBackend)
