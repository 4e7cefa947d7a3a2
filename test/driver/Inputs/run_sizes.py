"""Runs a compiled model of cudnn-attention.test at several sizes in one session.

    run_sizes.py SOURCE BUILD MODEL N,S...
"""

import os
import sys

source, build, path, *sizes = sys.argv[1:]
os.environ["TENON_LIBRARY_DIR"] = os.path.join(build, "lib")
sys.path.insert(0, os.path.join(source, "lib", "python"))
sys.dont_write_bytecode = True
import numpy as np

import tenon

session = tenon.InferenceSession(path)
for size in sizes:
    n, s = map(int, size.split(","))
    session.run(None, {"x": np.ones((n, s, 32), np.float32), "m": np.zeros((n, 1, 1, s), np.float32)})
