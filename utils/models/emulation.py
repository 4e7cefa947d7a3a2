"""Runs models for a CUDA device where there is none: the tests' driver, which emulates their kernels."""

import glob
import hashlib
import os
import shutil

root = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def environment(build, library=False):
    """The variables that choose that driver, and the tests' cuBLASLt and cuDNN if `library` says so; see docs/gpu.md.
    Translated kernels are kept in the build folder; those of another translator are removed."""
    sources = hashlib.sha256()
    folder = os.path.join(root, "utils", "ptx")
    for path in sorted(glob.glob(os.path.join(folder, "*.*"))):
        with open(path, "rb") as file:
            sources.update(file.read())
    kept = os.path.join(build, "emulated")
    cache = os.path.join(kept, sources.hexdigest()[:16])
    if not os.path.isdir(cache):
        os.makedirs(cache, exist_ok=True)
        for other in set(os.listdir(kept)) - {os.path.basename(cache)}:
            shutil.rmtree(os.path.join(kept, other), ignore_errors=True)
    libraries = {f"TENON_{name.upper()}": os.path.join(build, "lib", f"libfake_{name}.so") if library else "none"
                 for name in ("cublaslt", "cudnn")}
    return {**libraries,
            "TENON_CUDA_DRIVER": os.path.join(build, "lib", "libfake_cuda.so"),
            "FAKE_CUDA_TRANSLATOR": os.path.join(root, "utils", "emulate_ptx"), "FAKE_CUDA_CACHE": cache}


def use(build, library=False):
    """Has all processes that are started from now on use it."""
    os.environ.update(environment(build, library))
