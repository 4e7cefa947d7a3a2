"""Installs the package, moves it, and makes a wheel of it: test_install.py BUILD."""

import os
import subprocess
import sys
import tempfile
import unittest
import zipfile

import models

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
build = sys.argv.pop(1)
PROGRAM = """
import sys, numpy as np, tenon
model = tenon.compile(sys.argv[1])
print(tenon.__file__, model(np.ones((1, 3), np.float32), np.zeros(3, np.float32))["sum"])
maps = open("/proc/self/maps").read().split()
print(*sorted({word for word in maps if "/libtenon" in word}))
"""


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        first, cls.prefix = (os.path.join(cls.folder.name, name) for name in ("first", "prefix"))
        for component in ("runtime", "compiler", "python"):
            subprocess.run(["cmake", "--install", build, "--prefix", first, "--component", component], check=True,
                           stdout=subprocess.DEVNULL)
        os.rename(first, cls.prefix)
        cls.model = os.path.join(cls.folder.name, "model.onnx")
        with open(cls.model, "wb") as file:
            file.write(models.scale().SerializeToString())
        (cls.libraries,) = {os.path.dirname(os.path.join(folder, name)) for folder, _, names in os.walk(cls.prefix)
                            for name in names if name == "libtenon_compiler.so"}

    def check(self, python):
        """Runs a program with the package in a folder; all that it uses must stand below the test's folder."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TENON")}
        environment["PYTHONPATH"] = python
        done = subprocess.run([sys.executable, "-c", PROGRAM, self.model], capture_output=True, text=True,
                              env=environment, cwd=self.folder.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        package, libraries = done.stdout.splitlines()
        self.assertEqual(package, os.path.join(python, "tenon", "__init__.py") + " [6.]")
        for library in libraries.split():
            self.assertTrue(library.startswith(self.folder.name), library)

    def test_installed(self):
        self.check(os.path.join(self.libraries, "python3", "dist-packages"))

    def test_wheel(self):
        sys.path.insert(0, os.path.join(root, "lib", "python", "packaging"))
        import tenon_wheel
        os.environ["TENON_LIBRARY_DIR"] = self.libraries
        try:
            name = tenon_wheel.build_wheel(self.folder.name)
        finally:
            del os.environ["TENON_LIBRARY_DIR"]
        self.assertRegex(name, r"^tenon-\d+\.\d+\.\d+-py3-none-linux_\w+\.whl$")
        target = os.path.join(self.folder.name, "unpacked")
        with zipfile.ZipFile(os.path.join(self.folder.name, name)) as wheel:
            wheel.extractall(target)
        self.check(target)
        with self.assertRaisesRegex(RuntimeError, "TENON_LIBRARY_DIR"):
            tenon_wheel.build_wheel(self.folder.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
