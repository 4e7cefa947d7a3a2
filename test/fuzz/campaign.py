"""Runs many random graphs in a few processes, and makes smaller what fails."""

import os
import re
import tempfile
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import cases
import growth
import runs
import servers
from graph import Case
from pool import Worker, serve_all
from runs import Configuration, Failure, OnnxRuntime, parse_configuration
from shrink import Shrinker, words

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuzz_worker.py")


#: The configuration of a crash of which it is not known.
UNKNOWN = "?"


class Find(NamedTuple):
    """A graph that failed, as small as it became."""

    test: str
    failure: Failure
    case: Case


def failures_of(reply: Dict[str, Any]) -> List[Failure]:
    if reply["result"] == "crashed":
        # Behind it may stand what a crash has to say.
        of_this = re.split(r"^graph .*$", reply["words"], flags=re.MULTILINE)[-1]
        at = re.findall(r"^at (\S+)$", of_this, re.MULTILINE)
        kind = "slow" if reply["reason"].startswith("not finished") else "crashed"
        return [Failure(at[-1] if at else UNKNOWN, kind, reply["reason"])]
    return [Failure(*failure) for failure in reply.get("failures", [])]


class Campaign:
    """Graphs by their seeds, or in files. `most` is in how many configurations each runs at most, if not in all."""

    def __init__(self, build: str, limit: float, most: Optional[int] = None) -> None:
        self.build, self.limit = build, limit
        self.command = [SCRIPT] + ([str(most)] if most else [])
        self.lock = threading.Lock()
        #: How graphs ended, and how many times Tenon ran.
        self.counts: Dict[str, int] = {}
        self.runs = self.nodes = self.coincidences = 0
        self.missing: Dict[str, int] = {}
        self.failed: List[Tuple[str, Failure, List[str]]] = []

    def run(self, tests: List[str], jobs: int, asked: List[Configuration], show: Callable[[str, Dict[str, Any]], None]) -> None:
        """Raises WorkerError."""
        def serve(worker: Worker, test: str) -> None:
            reply = worker.run(test, asked)
            with self.lock:
                self.count(test, reply)
                show(test, reply)

        serve_all(tests, jobs, lambda: Worker(self.build, self.limit, self.command), serve)

    def count(self, test: str, reply: Dict[str, Any]) -> None:
        self.counts[reply["result"]] = self.counts.get(reply["result"], 0) + 1
        self.runs += reply.get("runs", 0)
        self.nodes += reply.get("nodes", 0)
        self.coincidences += reply.get("coincidences", 0)
        for name in reply.get("avoided", []):
            self.missing[name] = self.missing.get(name, 0) + 1
        self.failed += [(test, failure, reply.get("avoided", [])) for failure in failures_of(reply)]

    def distinct(self, most: int) -> List[Tuple[str, Failure, List[str]]]:
        """Failures that look different, the smallest number of each graph; at most `most` of a kind with equal words."""
        seen: Dict[str, int] = {}
        chosen, tests = [], set()
        for test, failure, avoided in self.failed:
            key = failure.kind + (words(failure.text) if failure.kind == "refused" else "")
            if test in tests or seen.get(key, 0) >= (most if failure.kind == "refused" else 4 * most):
                continue
            tests.add(test)
            seen[key] = seen.get(key, 0) + 1
            chosen.append((test, failure, avoided))
        return chosen

    def shrink(self, test: str, failure: Failure, avoided: List[str], seconds: float) -> Find:
        case = growth.make_case(int(test), frozenset(avoided)) if test.isdigit() else cases.load(test)
        if failure.configuration == UNKNOWN:
            return Find(test, failure, case)
        worker = Worker(self.build, 5 if failure.kind == "slow" else self.limit, [SCRIPT])
        runtime = OnnxRuntime()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "case.onnx")

            def fails(candidate: Case) -> Optional[Failure]:
                try:
                    cases.save(candidate, path)
                except (KeyError, ValueError):
                    return None
                reply = worker.run(path, [parse_configuration(failure.configuration)])
                found = failures_of(reply)
                return found[0] if found else None

            try:
                smaller = Shrinker(runtime, fails, seconds).shrink(case, failure)
                return Find(test, fails(smaller) or failure, smaller)
            finally:
                worker.stop()
                runtime.close()


def save(find: Find, folder: str) -> Tuple[str, str]:
    """Writes a find; gives its folder and the line that reproduces it."""
    runtime = OnnxRuntime()
    try:
        expected = runtime.run(find.case.model, find.case.inputs)
    except servers.ServerError:
        expected = {}
    finally:
        runtime.close()
    is_known = find.failure.configuration != UNKNOWN
    find.case.configurations = [find.failure.configuration] if is_known else []
    name = os.path.splitext(os.path.basename(find.test))[0] + (f"-{find.failure.configuration}" if is_known else "")
    place = os.path.join(folder, name)
    cases.save_for_people(find.case, expected, place)
    line = f"utils/fuzz_models --replay {os.path.join(place, 'case.textproto')}"
    line += " --emulate" if "FAKE_CUDA_TRANSLATOR" in os.environ else ""
    with open(os.path.join(place, "reproduce.txt"), "w", encoding="utf-8") as file:
        file.write(f"{line}\n{find.failure.kind}: {find.failure.text}\n")
    return place, line
