"""Compiles the sample models with tenon-compile, measuring what that takes."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

import results

# What the tools call each provider: with "auto" kernels that oneDNN lacks, or has slower, are generated.
PROVIDERS = {"onednn": "auto", "codegen": "codegen"}
# Those of a device, with the target that has it.
DEVICES = {"cuda": "cuda:sm_90"}


def options(provider):
    """What the tools have to be told for a provider, by the names that --serve has for it; nothing for what they do
    anyway."""
    if provider in DEVICES:
        return {"target": DEVICES[provider]}
    return {"provider": PROVIDERS[provider]} if PROVIDERS[provider] != "auto" else {}


class CompileError(Exception):
    """tenon-compile failed; the text is its last words."""


def output_path(build, model, provider, precision="fp32"):
    folder = provider if precision == "fp32" else f"{provider}-{precision}"
    return os.path.join(build, "models", folder, model["name"] + ".so")


def is_fresh(path, build, model):
    """Whether a compiled model is newer than the compiler's binaries and the model."""
    if not os.path.exists(path):
        return False
    sources = [os.path.join(build, "bin", "tenon-compile"), model["path"]]
    return all(os.path.getmtime(source) < os.path.getmtime(path) for source in sources)


def model_bytes(model):
    """Size of the model with its external data."""
    return sum(os.path.getsize(p) for p in (model["path"], model["path"] + ".data") if os.path.exists(p))


def compile_if_stale(build, model, provider, precision="fp32"):
    """The path of the compiled model, which is compiled if there is none that is fresh. Raises CompileError."""
    path = output_path(build, model, provider, precision)
    if not is_fresh(path, build, model):
        print(f"compiling {model['name']} in {precision}", end="", file=sys.stderr, flush=True)
        _, seconds, memory = compile_model(build, model, provider, precision=precision)
        print(f": {seconds:.1f} s, at most {memory / 1e6:.0f} MB of memory", file=sys.stderr)
    return path


def memory_of_session(build, model, case):
    """With the shapes of a case fixed, and all kernels generated, how many bytes of memory the compiler tells and how many a
    session has. Raises CompileError."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.so")
        values = {one["name"]: one["value"] for one in case["inputs"] if one["fill"] == "value"}
        shapes = []
        for i, name in enumerate(results.names_of(case)["inputs"]):
            shape = np.load(f"{case['folder']}/input_{i}.npy", mmap_mode="r").shape
            if name in values:  # which branch runs, and so which shapes fit, may depend on it
                shapes += ["--bind", f"{name}={values[name]}"]
            elif shape:
                shapes += ["--shape", name + "=" + "x".join(str(size) for size in shape)]
        said = []
        for command in (["tenon-compile", model["path"], "--quiet", "--provider=codegen", "--memory=json", "-o", path] + shapes,
                        ["tenon-run", path, "--info", "--json"]):
            command[0] = os.path.join(build, "bin", command[0])
            done = subprocess.run(["timeout", "600"] + command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                raise CompileError(done.stderr)
            said.append(json.loads(done.stdout))
        return said[0]["arena_bytes"], said[1].get("workspace_bytes")


def compile_model(build, model, provider, timeout=1200, precision="fp32"):
    """Compiles; gives (path, seconds, peak bytes of memory). Raises CompileError."""
    path = output_path(build, model, provider, precision)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    command = [os.path.join(build, "bin", "tenon-compile"), model["path"], "-o", path]
    command += [f"--{name}={value}" for name, value in options(provider).items()]
    if precision != "fp32":
        command.append("--precision=" + precision)
    # The words go to a file, so that nothing has to read along while this process waits for the usage of that one.
    with open(path + ".log", "w+", encoding="utf-8", errors="replace") as log:
        start = time.time()
        process = subprocess.Popen(["timeout", str(timeout)] + command, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.time() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        words = log.read()
    if process.returncode:
        raise CompileError(f"tenon-compile ended with {process.returncode}: {words[-2000:].strip()}")
    return path, seconds, usage.ru_maxrss * 1024


def transposes_left(build, model):
    """The transposes that the layout phase left: (of an input, of a result, inside). Raises CompileError."""
    with tempfile.TemporaryDirectory() as folder:
        ir = os.path.join(folder, "layout.mlir")
        said = ""
        for command in ([os.path.join(build, "bin", "tenon-compile"), model["path"], "--quiet", "--compile-to=layout", "-o", ir],
                        [os.path.join(build, "bin", "tenon-opt"), "--tenon-verify-layout", "--remarks-filter=layout",
                         "--remark-format=emitRemark", ir, "-o", os.devnull]):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                raise CompileError(done.stderr)
            said += done.stderr
    counts = dict(re.findall(r"\b(inputs|outputs|inner)=(\d+)", said))
    if len(counts) != 3:
        raise CompileError(f"no count of the transposes: {said}")
    return int(counts["inputs"]), int(counts["outputs"]), int(counts["inner"])
