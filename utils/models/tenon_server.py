"""Answers the requests that reference.mjs describes, by Tenon: tenon_server.py BUILD.

A load takes a compiled library, or an ONNX file that is compiled in this process, and then a "provider" too.
"""

import json
import os
import sys
import time

import numpy as np

import tenon_api


class Server:
    def __init__(self, build):
        self.library = tenon_api.Library(build)
        self.sessions = {}
        self.values = {}

    def load(self, request):
        path = os.path.abspath(request["model"])
        # The provider that is best for each kernel is the default, not the library alone.
        provider = request.get("provider")
        provider = provider if provider not in (None, "onednn") else None
        start = time.perf_counter()
        opening = (lambda: self.library.compile(path, provider)) if path.endswith(".onnx") else \
            (lambda: self.library.load(path))
        session = tenon_api.Session(self.library, opening, request.get("threads", 1))
        milliseconds = (time.perf_counter() - start) * 1000
        self.sessions[request["id"]] = session
        return {"create_ms": milliseconds, "inputs": session.inputs, "outputs": session.outputs}

    def inputs(self, session, request):
        session.given = [np.load(os.path.join(request["from"], f"input_{i}.npy")) for i in range(len(session.inputs))]
        session.bound = False
        return {}

    def bind(self, session):
        if not session.bound:
            session.bind(session.given)
            session.bound = True

    def run(self, session, request):
        self.bind(session)
        session.run()
        return self.write(session, request["to"], session.results)

    def write(self, session, folder, arrays):
        os.makedirs(folder, exist_ok=True)
        for i, array in enumerate(arrays):
            np.save(os.path.join(folder, f"output_{i}.npy"), array)
        return {"outputs": [{"name": name, "type": str(array.dtype), "dims": array.shape}
                            for name, array in zip(session.outputs, arrays)]}

    def steps(self, session, request):
        """Carried state: see reference.mjs."""
        stepped = [session.inputs.index(name) for name in request["stepped"]]
        carry = [(session.outputs.index(o), session.inputs.index(i)) for o, i in request["carry"].items()]
        values = list(session.given)
        collected = []
        for step in range(request["steps"]):
            for i in stepped:
                values[i] = session.given[i][step]
            session.bind(values)
            session.run()
            collected.append([array.copy() for array in session.results])
            for output, i in carry:
                values[i] = collected[-1][output]
        session.bound = False
        return self.write(session, request["to"], [np.stack(arrays) for arrays in zip(*collected)])

    def time(self, session, request):
        self.bind(session)
        milliseconds = []
        for _ in range(request.get("runs", 1)):
            start = time.perf_counter_ns()
            session.run()
            milliseconds.append((time.perf_counter_ns() - start) / 1e6)
        return {"ms": milliseconds}

    def unload(self, session, request):
        session.close()
        del self.sessions[request["id"]]
        return {}

    def answer(self, request):
        if request["op"] == "load":
            return self.load(request)
        known = {"inputs": self.inputs, "run": self.run, "steps": self.steps, "time": self.time,
                 "unload": self.unload}
        return known[request["op"]](self.sessions[request["id"]], request)


def main():
    # Only answers may go to standard output, whatever a library prints.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = None
    for line in sys.stdin:
        try:
            server = server or Server(sys.argv[1])
            reply = server.answer(json.loads(line))
        except Exception as error:  # every failure is an answer: the other side decides what it means
            reply = {"error": f"{type(error).__name__}: {error}" if not isinstance(error, tenon_api.TenonError)
                     else str(error)}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
