"""The two peers, each in a process of its own, asked by the same JSON lines: ONNX Runtime and Tenon."""

import json
import os
import subprocess

here = os.path.dirname(os.path.abspath(__file__))


class ServerError(Exception):
    """A request failed, or the process that should have answered it died."""


class Server:
    """One process that answers the requests which reference.mjs describes."""

    def __init__(self, command, what):
        self.what = what
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ServerError(f"{self.what} died with status {self.process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise ServerError(reply["error"])
        return reply

    def load(self, model, case, threads=1, **options):
        """Loads a model and the inputs of a case; gives the load's reply."""
        reply = self.ask(op="load", id="m", model=model, threads=threads, **options)
        self.inputs(case)
        return reply

    def inputs(self, case):
        self.ask(op="inputs", id="m", **{"from": case["folder"]})

    def run(self, case, folder):
        """Runs a case and writes its outputs to `folder`."""
        if "steps" in case:
            self.ask(op="steps", id="m", to=folder, steps=case["steps"], stepped=case["stepped"], carry=case["carry"])
        else:
            self.ask(op="run", id="m", to=folder)

    def time(self, runs):
        """Milliseconds of each of `runs` runs."""
        return self.ask(op="time", id="m", runs=runs)["ms"]

    def memory(self, kind):
        """Megabytes that the process has now ("VmRSS") or had at most ("VmHWM")."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) / 1e3 for line in status if line.startswith(kind + ":"))

    def wait_for_start(self):
        """Until the process answers."""
        try:
            self.unload()
        except ServerError:
            pass  # nothing is loaded

    def unload(self):
        self.ask(op="unload", id="m")

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()


def onnx_runtime():
    return Server(["node", os.path.join(here, "reference.mjs"), "serve"], "ONNX Runtime")


def tenon(build):
    """Tenon, of a build folder. Its load takes a "provider" too, for an ONNX file that it compiles in its process."""
    return Server([os.path.join(build, "bin", "tenon-run"), "--serve"], "tenon-run")
