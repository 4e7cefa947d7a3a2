"""What GPU and driver this machine has, by the driver itself."""

import ctypes
import glob
import itertools
import os
import sys


class NoDevice(Exception):
    """There is none that could be used; the text says what is missing."""


def describe():
    """The names of the first device and of the driver, and the version of CUDA that the driver has. Raises NoDevice."""
    path = os.environ.get("TENON_CUDA_DRIVER") or "libcuda.so.1"
    if path == "none":
        raise NoDevice("the CUDA driver cannot be loaded: TENON_CUDA_DRIVER is 'none'")
    try:
        driver = ctypes.CDLL(path)
    except OSError as error:
        raise NoDevice(f"the CUDA driver cannot be loaded: {error}") from None
    version, device, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    for code in (driver.cuInit(0), driver.cuDriverGetVersion(ctypes.byref(version)),
                 driver.cuDeviceGet(ctypes.byref(device), 0), driver.cuDeviceGetName(name, len(name), device)):
        if code:
            raise NoDevice(f"the CUDA driver has no device (its error is {code})")
    return {"device": name.value.decode(errors="replace"), "driver": driver_version(),
            "cuda": f"{version.value // 1000}.{version.value % 1000 // 10}"}


def find_libraries():
    """Has models use the cuBLASLt and cuDNN that Python packages bring, if the system has none. Says which they use."""
    return ", ".join((f"cuBLASLt: {find_library('TENON_CUBLASLT', 'libcublasLt.so.13', 'libcublasLt.so.12')}",
                      f"cuDNN: {find_library('TENON_CUDNN', 'libcudnn.so.9')}"))


def find_library(variable, *names):
    """The library that a variable of the environment names, or else the first that the system, or a package, has."""
    if variable in os.environ or "TENON_CUDA_DRIVER" in os.environ:
        return os.environ.get(variable, "none")
    for name in names:
        try:
            ctypes.CDLL(name)
            return name
        except OSError:
            pass
    for folder, name in itertools.product(sys.path, names):
        for path in glob.glob(os.path.join(folder, "nvidia", "*", "lib", name)):
            os.environ[variable] = path
            return path
    return "none"


def driver_version():
    """As the kernel's module tells it."""
    try:
        with open("/sys/module/nvidia/version", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return "of unknown version"
