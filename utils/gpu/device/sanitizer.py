"""Runs a few cases of a bundle under compute-sanitizer, where that is found."""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys

#: How many cases of each kind: it slows kernels down by a factor of ten and more.
CASES = 40
#: Of the sample models fewer, and the smallest.
MODELS = 8
#: Seconds for all of a kind under one tool, unless others are asked for.
LIMIT = 240
TOOLS = ("memcheck", "racecheck")


def find():
    places = glob.glob("/usr/local/cuda*/bin/compute-sanitizer") + glob.glob("/opt/cuda*/bin/compute-sanitizer")
    return shutil.which("compute-sanitizer") or (sorted(places)[-1] if places else None)


def sample(bundle, names):
    """Some of each kind, evenly spread."""
    kinds = {}
    for name in names:
        kinds.setdefault(name.split("/")[0], []).append(name)
    chosen = {kind: members[:: -(-len(members) // CASES)] for kind, members in kinds.items()}
    if "models" in kinds:
        size = lambda name: os.path.getsize(os.path.join(bundle, "cases", name, "data_0.npz"))
        chosen["models"] = sorted(kinds["models"], key=size)[:MODELS]
    return chosen


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def watch(command, environment, limit):
    """The command's exit code, None if it has not ended after so many seconds, and what it said on the standard error.
    None of its processes stays."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True, env=environment, start_new_session=True)
    try:
        errors = process.communicate(timeout=limit)[1]
        return process.returncode, errors
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return None, process.communicate()[1]
    except BaseException:  # an interrupt at the terminal does not reach a session of its own
        os.killpg(process.pid, signal.SIGKILL)
        raise


def check(bundle, names, limit):
    """A line for each tool and kind of case, how many of them complain, and how many did not end in time."""
    program = find()
    if not program:
        return ["not run: compute-sanitizer, which is not on this machine"], 0, 0
    lines, complaints, unfinished = [], 0, 0
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1")
    for kind, members in sample(bundle, names).items():
        for tool in TOOLS:
            log = os.path.join(bundle, f"{tool}-{kind}.txt")
            command = [program, "--tool", tool, "--error-exitcode", "99", "--log-file", log, sys.executable,
                       os.path.join(bundle, "scripts", "worker.py")] + members
            code, errors = watch(command, environment, limit)
            if code is None:
                unfinished += 1
                lines.append(f"{tool} of {len(members)} {kind}: unfinished after {limit:g} s")
                continue
            summary = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (.*)", read(log))
            good = code == 0 and bool(summary)
            complaints += not good
            said = summary[-1] if summary else (errors.strip().splitlines() or ["it said nothing"])[-1]
            where = "" if good else f" (FAILED, see {os.path.basename(log)})"
            lines.append(f"{tool} of {len(members)} {kind}: {said}{where}")
    return lines, complaints, unfinished
