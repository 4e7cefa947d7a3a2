"""Makes a wheel of the package and of Tenon's libraries (PEP 517). Nothing is compiled.

TENON_LIBRARY_DIR names the folder with the libraries, of an installed tree: they find each other wherever they stand.
"""

import base64
import glob
import hashlib
import os
import re
import sysconfig
import zipfile

here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The names under which the libraries ask for each other. Without the last four the wheel runs compiled models only, or
# only those that need no oneDNN, or no CUDA device, or that decode no images.
LIBRARIES = ("libtenon.so.0", "libtenon_cpu.so", "libtenon_cuda.so", "libtenon_image.so", "libtenon_compiler.so")


def find_version(library: str) -> str:
    """The version that a library's file name has: libtenon.so.0.1.0."""
    found = re.search(r"\.so\.(\d+\.\d+\.\d+)$", os.path.realpath(library))
    if not found:
        raise RuntimeError(f"{library} has no version in its file's name")
    return found.group(1)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    folder = os.environ.get("TENON_LIBRARY_DIR")
    if not folder or not os.path.exists(os.path.join(folder, LIBRARIES[0])):
        raise RuntimeError("TENON_LIBRARY_DIR must name the folder of an installed Tenon that has libtenon.so.0")
    version = find_version(os.path.join(folder, LIBRARIES[0]))
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    name, tag = f"tenon-{version}", f"py3-none-{platform}"
    files = {f"tenon/{os.path.basename(path)}": path
             for pattern in ("*.py", "py.typed") for path in glob.glob(os.path.join(here, "tenon", pattern))}
    files.update((f"tenon/lib/{library}", os.path.join(folder, library)) for library in LIBRARIES
                 if os.path.exists(os.path.join(folder, library)))
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: tenon\nVersion: {version}\n"
                    "Summary: A deployment compiler for neural networks\nLicense: Apache-2.0\n"
                    "Requires-Python: >=3.8\nRequires-Dist: numpy>=1.23\n",
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: tenon\nRoot-Is-Purelib: false\nTag: {tag}\n",
    }
    record = []
    wheel = f"{name}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        def add(path: str, content: bytes) -> None:
            archive.writestr(path, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}\n")

        for path, source in sorted(files.items()):
            with open(source, "rb") as file:
                add(path, file.read())
        for path, text in texts.items():
            add(f"{name}.dist-info/{path}", text.encode())
        archive.writestr(f"{name}.dist-info/RECORD", "".join(record) + f"{name}.dist-info/RECORD,,\n")
    return wheel
