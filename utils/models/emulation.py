"""Runs models for a CUDA device where there is none: the tests' driver, which emulates their kernels."""

import glob
import hashlib
import os

root = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def environment(build, library=False):
    """The variables that choose that driver, and the tests' cuBLASLt if `library` says so; see docs/gpu.md. Translated
    kernels are kept in the build folder, those of another translator elsewhere than its own."""
    sources = hashlib.sha256()
    folder = os.path.join(root, "utils", "ptx")
    for path in sorted(glob.glob(os.path.join(folder, "*.*"))):
        with open(path, "rb") as file:
            sources.update(file.read())
    cache = os.path.join(build, "emulated", sources.hexdigest()[:16])
    os.makedirs(cache, exist_ok=True)
    return {"TENON_CUBLASLT": os.path.join(build, "lib", "libfake_cublaslt.so") if library else "none",
            "TENON_CUDA_DRIVER": os.path.join(build, "lib", "libfake_cuda.so"),
            "FAKE_CUDA_TRANSLATOR": os.path.join(root, "utils", "emulate_ptx"), "FAKE_CUDA_CACHE": cache}


def use(build, library=False):
    """Has all processes that are started from now on use it."""
    os.environ.update(environment(build, library))
