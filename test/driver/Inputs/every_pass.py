"""Compiles a model with each of the passes left out that can be, alone, and compares with what it computes with all.

    every_pass.py MODEL
"""

import subprocess
import sys

model = sys.argv[1]


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def compile_without(passes):
    run("tenon-compile", "--quiet", model, *(f"--skip-passes={name}" for name in passes), "-o", "skipped.so")
    return ["tenon-run", "skipped.so", "--random", "--dim", "n=3"]


listing = run("tenon-compile", "--quiet", model, "--list-passes")
names = sorted({line.split()[2] for line in listing.splitlines()})
run(*compile_without(names), "-o", "none")
for left_out in [[], *([name] for name in names)]:
    run(*compile_without(left_out), "--expect", "y=none/output_0.npy")
print(len(names), "passes")
