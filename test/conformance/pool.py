"""Runs tests in a few processes, many tests in each; a test that ends its process fails, and the others go on."""

import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, TextIO, Tuple, TypeVar

here = os.path.dirname(os.path.abspath(__file__))

Item = TypeVar("Item")


class WorkerError(Exception):
    """The tests can't be run at all."""


class Outcome(NamedTuple):
    """How a test ended. The result is passed, failed, crashed (or took too long), skipped, or declined: the only
    provider that was allowed does not run all of the model."""

    test: str
    configuration: Tuple[str, str, str]  # provider, mode, shape
    result: str
    reason: str
    seconds: float


class Worker:
    """A process that runs tests; it is started again when a test has ended it. `command` is the script that it runs, with
    its arguments: it writes the names of its tests, and then answers requests, each in a line of JSON."""

    def __init__(self, build: str, limit: float, command: Sequence[str] = (os.path.join(here, "worker.py"),)) -> None:
        self.limit = limit
        self.command = command
        self.environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1",
                                PYTHONPATH=os.path.join(build, "python"))
        self.process: Optional[subprocess.Popen] = None
        self.errors: Optional[TextIO] = None

    def start(self) -> List[str]:
        """Gives the names of all tests. Raises WorkerError."""
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen([sys.executable, *self.command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, env=self.environment, text=True)
        names = self.process.stdout.readline()
        if not names:
            words = self.last_words(40)
            self.stop()
            raise WorkerError(f"the tests did not start:\n{words}")
        return json.loads(names)

    def words(self) -> str:
        """What the process wrote to its standard error."""
        self.errors.seek(0)
        return self.errors.read().strip()

    def last_words(self, lines: int) -> str:
        return "\n".join(self.words().splitlines()[-lines:])

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.errors.close()
            self.process = None

    def run(self, test: str, configuration: Sequence[Any]) -> Dict[str, Any]:
        """Gives the reply of the script; if it ended, or took too long, also what it had written, as `words`."""
        if not self.process:
            self.start()
        try:
            self.process.stdin.write(json.dumps({"test": test, "configuration": configuration}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        ready, _, _ = select.select([self.process.stdout], [], [], self.limit)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        if ready:
            number = -self.process.wait()
            name = signal.Signals(number).name if number > 0 else f"exit code {-number}"
            reason = f"crashed: {name}: {self.last_words(1)}"
        else:
            reason = f"not finished after {self.limit:.0f} s: {self.last_words(1)}"
        reply = {"result": "crashed", "reason": reason, "words": self.words()}
        self.stop()
        return reply


def serve_all(items: Iterable[Item], jobs: int, make_worker: Callable[[], Worker],
              serve: Callable[[Worker, Item], None]) -> None:
    """Calls `serve` for each item, in `jobs` threads with a worker each. What it raises ends all, and is raised here."""
    tasks: queue.Queue = queue.Queue()
    for item in items:
        tasks.put(item)
    errors: List[BaseException] = []

    def work() -> None:
        worker = make_worker()
        try:
            while not errors:
                serve(worker, tasks.get_nowait())
        except queue.Empty:
            pass
        except BaseException as error:  # a thread's own end would be seen by nobody
            errors.append(error)
        finally:
            worker.stop()

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def run_all(work: Sequence[Tuple[str, Sequence[Tuple[str, str, str]]]], jobs: int, build: str, limit: float,
            show: Callable[[Outcome], None]) -> List[Outcome]:
    """Runs tests with their configurations in `jobs` processes, calls `show` with each outcome as it comes, and gives all
    in order. One process runs all configurations of an item of `work`. `limit` is in seconds, for one test. Raises
    WorkerError."""
    outcomes: List[Outcome] = []
    lock = threading.Lock()

    def serve(worker: Worker, item: Tuple[str, Sequence[Tuple[str, str, str]]]) -> None:
        test, configurations = item
        for configuration in configurations:
            begin = time.monotonic()
            reply = worker.run(test, configuration)
            with lock:
                outcomes.append(Outcome(test, configuration, reply["result"], reply.get("reason", ""),
                                        time.monotonic() - begin))
                show(outcomes[-1])

    serve_all(work, jobs, lambda: Worker(build, limit), serve)
    return sorted(outcomes, key=lambda o: (o.test, o.configuration))
