"""How lit runs Tenon's tests: suffixes, tools, and what the machine can do."""

import glob
import os
import shutil
import sys

import lit.formats

config.name = "Tenon"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit"]
config.test_source_root = os.path.join(config.tenon_source_dir, "test")
config.test_exec_root = os.path.join(config.tenon_build_dir, "test")

# Tools come from the build, then from LLVM, so that no installed Tenon is tested.
config.environment["PATH"] = os.pathsep.join(
    [config.tenon_tools_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)
for name in ("OMP_NUM_THREADS", "ASAN_OPTIONS", "UBSAN_OPTIONS", "HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# For a build with the sanitizers: containers and LLVM's allocators cross the border
# to libraries that are not instrumented.
config.environment.setdefault("ASAN_OPTIONS", "detect_container_overflow=0:allow_user_poisoning=0")

config.substitutions.append(("%python", config.python))
config.substitutions.append(("%source", config.tenon_source_dir))
config.substitutions.append(("%build", config.tenon_build_dir))
config.substitutions.append(("%tools", config.tenon_tools_dir))
config.substitutions.append(("%llvm_tools", config.llvm_tools_dir))
config.substitutions.append(("%mlir_include", config.mlir_include))
config.substitutions.append(("%dylib", config.shared_library_suffix))


def cpu_flags():
    """The processor's feature bits by Linux's names."""
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                if line.startswith(("flags", "Features")):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


sanitized = config.sanitize in ("ON", "1", "TRUE")
# A test that needs a feature says `REQUIRES: feature`.
if config.host_processor in ("x86_64", "AMD64"):
    config.available_features.add("x86-registered-target")
    flags = cpu_flags()
    if {"avx2", "fma"} <= flags:
        config.available_features.add("avx2")
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        config.available_features.add("avx512")
    if "avx512_bf16" in flags:
        config.available_features.add("avx512bf16")
    # Where the processor has no AMX, it is emulated; the sanitizers' own handlers are not tried with that.
    has_amx, emulate_amx = {"amx_tile", "amx_bf16"} <= flags, ""
    if not has_amx and "avx512_bf16" in flags and shutil.which("objdump") and not sanitized:
        emulate_amx = f"'{config.tenon_source_dir}/utils/emulate_amx' --build '{config.tenon_build_dir}'"
    config.substitutions.append(("%amx", emulate_amx))
    if emulate_amx or has_amx:
        config.available_features.add("amx")
# With the sanitizers, an allocation that is too large ends the process.
if sanitized:
    config.available_features.add("sanitizers")
# The library providers are there when their runtimes were built.
if glob.glob(os.path.join(config.tenon_build_dir, "lib", "libtenon_cpu*")):
    config.available_features.add("onednn")
if glob.glob(os.path.join(config.tenon_build_dir, "lib", "libtenon_image*")):
    config.available_features.add("image")
# Models for a GPU run where there is none with a driver that emulates it.
if glob.glob(os.path.join(config.tenon_build_dir, "lib", "libfake_cuda*")):
    config.available_features.add("cuda")
    sys.path.insert(0, os.path.join(config.tenon_source_dir, "utils", "models"))
    import emulation

    emulated = " ".join(f"{name}={value}" for name, value in emulation.environment(config.tenon_build_dir).items())
    config.substitutions.append(("%emulated", f"env {emulated}"))
# The assembler of the CUDA Toolkit, where the compiler looks for it.
if os.path.exists("/usr/local/cuda/bin/ptxas") or shutil.which("ptxas"):
    config.available_features.add("ptxas")
# NVIDIA's cuDNN, which says of a graph whether it knows it, and a driver without functions that it finds for that.
cudnn = "/usr/local/cuda/lib64/libcudnn.so.9"
stub = "/usr/local/cuda/lib64/stubs/libcuda.so"
if os.path.exists(cudnn) and os.path.exists(stub):
    config.available_features.add("cudnn")
    config.substitutions.append(("%cudnn", cudnn))
    config.substitutions.append(("%stub_driver", stub))
# A compiler with a planted fault, to try what finds faults.
if glob.glob(os.path.join(config.tenon_build_dir, "test", "faults", "libtenon_compiler*")):
    config.available_features.add("faults")
# Pages are looked at in a browser.
if any(map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))):
    config.available_features.add("browser")
# What is compiled for aarch64 is run by an emulator.
if all(map(shutil.which, ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++", "qemu-aarch64"))):
    config.available_features.add("aarch64")
# Each tool that was built is a feature: a partial build tests what it has.
if os.path.isdir(config.tenon_tools_dir):
    for tool in os.listdir(config.tenon_tools_dir):
        config.available_features.add(tool)
