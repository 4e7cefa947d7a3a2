"""What of a bundle is no case: the scripts, the runtime with what it needs of this system, and compiled models."""

import os
import re
import shutil
import subprocess
import tempfile

import seeds
from bundled import PROVIDERS

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))

#: Of the C library, which is everywhere, the loader takes the system's.
OF_THE_SYSTEM = re.compile(r"(linux-vdso|ld-linux.*|lib(c|m|dl|rt|pthread))\.so(\.\d+)*$")
#: Models whose kernels are all generated need neither oneDNN nor Leptonica.
NOT_NEEDED = ("libtenon_cpu.so", "libtenon_image.so")


def write_scripts(bundle):
    """What runs there: the scripts and the Python package."""
    scripts = os.path.join(bundle, "scripts")
    os.makedirs(scripts, exist_ok=True)
    device = os.path.join(here, "device")
    for name in os.listdir(device):
        if name.endswith(".py"):
            shutil.copy(os.path.join(device, name), scripts)
        elif os.path.isfile(os.path.join(device, name)):
            shutil.copy(os.path.join(device, name), bundle)
    for folder, names in (("test/conformance", ("pool.py", "values.py")),
                          ("utils/models", ("differences.py", "seeded.py", "timing.py"))):
        for name in names:
            shutil.copy(os.path.join(root, folder, name), scripts)
    shutil.copytree(os.path.join(root, "lib", "python", "tenon"), os.path.join(bundle, "python", "tenon"),
                    ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def install_runtime(build, folder):
    """Installs the runtime and its tools to `folder`, with the libraries that a bare system lacks."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["cmake", "--install", build, "--component", "runtime", "--prefix", scratch], check=True,
                       stdout=subprocess.DEVNULL)
        for name in ("bin", "lib"):
            shutil.copytree(os.path.join(scratch, name), os.path.join(folder, name), symlinks=True,
                            ignore=shutil.ignore_patterns("cmake", *NOT_NEEDED))
    libraries = os.path.join(folder, "lib")
    needed = subprocess.run(["ldd"] + [os.path.join(folder, part, name) for part in ("bin", "lib")
                                       for name in os.listdir(os.path.join(folder, part))],
                            check=True, capture_output=True, text=True).stdout
    for name, path in set(re.findall(r"^\s*(\S+) => (/\S+) ", needed, re.M)):
        if not OF_THE_SYSTEM.match(name) and not os.path.exists(os.path.join(libraries, name)):
            shutil.copy(path, os.path.join(libraries, name))


def compile_model(build, model, target, precision, path):
    """Compiles a sample model to `path`, or without its seeded weights to files beside that. Gives why it does not
    compile, or nothing."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    tool = os.path.join(build, "bin", "tenon-compile")
    with tempfile.TemporaryDirectory() as scratch:
        ir, library = os.path.join(scratch, "model.mlir"), os.path.join(scratch, model["name"] + ".so")
        options = [f"--target={target}", f"--provider={PROVIDERS}",
                   "--tf32" if precision == "tf32" else f"--precision={precision}"]
        for command in ([tool, model["path"], "--quiet", "--compile-to=lower", "-o", ir] + options,
                        [tool, ir, "--quiet", "--compile-from=lower", "-o", library]):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                return done.stderr or f"tenon-compile ended with {done.returncode}"
        # Those that are made from seeds are built by a module of their name.
        is_seeded = os.path.exists(os.path.join(root, "utils", "models", model["name"] + ".py"))
        if not is_seeded or not seeds.cut_weights(library, ir, model["path"], model["name"], path):
            shutil.copy(library, path)
    return ""
