"""Makes a small bundle with utils/gpu/bundle, moves it, and runs it with the tests' CUDA driver in an empty environment.

    test_gpu_bundle.py BUILD [-v]
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

import numpy as np

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(root, "utils", "models"))
import emulation

BUILD = ""
# Seeded weights that are permuted, and multiplied with a normalisation; trained ones.
MODELS = ["mobilenet_v2-64x96", "ppocr_cls-4"]
SUITE = "^test_(relu|softmax_axis_1|sequence_insert_at_back|nonzero_example|bernoulli)$"
# What the program does that the watcher is given; it says how many programs it has seen.
WATCHER = """#!/bin/sh
while [ "$1" != --log-file ]; do shift; done
echo '========= ERROR SUMMARY: 0 errors' >"$2"
shift 2
exec "$@"
"""


class BundleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp()
        made = os.path.join(cls.scratch, "made", "box")
        done = subprocess.run([os.path.join(root, "utils", "gpu", "bundle"), "-o", made, "--build", BUILD, "--pack",
                               "--max-mb", "6", "--suite", SUITE, "--operators", "window", "--models", *MODELS],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.said = done.stdout
        cls.archives = sorted(name for name in os.listdir(os.path.dirname(made)) if name.endswith(".tar.xz"))
        for name in cls.archives:
            with tarfile.open(os.path.join(os.path.dirname(made), name)) as archive:
                archive.extractall(cls.scratch)
        cls.archive_sizes = [os.path.getsize(os.path.join(os.path.dirname(made), name)) for name in cls.archives]
        shutil.rmtree(os.path.dirname(made))
        cls.box = os.path.join(cls.scratch, "box")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.scratch)

    def run_box(self, *arguments, path="/usr/bin:/bin"):
        done = subprocess.run([os.path.join(self.box, "run"), *arguments], capture_output=True, text=True,
                              env={"PATH": path, **emulation.environment(BUILD)})
        return done.returncode, done.stdout + done.stderr

    def results(self):
        with open(os.path.join(self.box, "results.json"), encoding="utf-8") as file:
            return json.load(file)["cases"]

    def test_1_all_pass_elsewhere(self):
        # Each archive is within the limit, and the first alone is a bundle.
        self.assertGreater(len(self.archives), 1)
        self.assertTrue(all(size <= 6e6 for size in self.archive_sizes), self.archive_sizes)
        code, text = self.run_box()
        self.assertEqual(code, 0, text)
        self.assertIn("0 failed", text.splitlines()[-1])
        self.assertIn("not run: compute-sanitizer", text)
        self.assertIn("suite/test_bernoulli: expected to fail", text)
        with open(os.path.join(self.box, "manifest.json"), encoding="utf-8") as file:
            self.assertEqual(sorted(json.load(file)["cases"]), sorted(self.results()))
        with open(os.path.join(self.box, "results.md"), encoding="utf-8") as file:
            self.assertIn("| mobilenet_v2-64x96-fp32 |", file.read())

    def test_2_seeded_weights_are_not_carried(self):
        cut = os.path.join(self.box, "models", "mobilenet_v2-fp32.so.cut")
        filled = os.path.join(self.box, "filled", "mobilenet_v2-fp32.so")
        self.assertLess(os.path.getsize(cut), os.path.getsize(filled) / 5)
        with open(cut, "r+b") as file:
            byte = file.read(1)
            file.seek(0)
            file.write(bytes([byte[0] ^ 1]))
        os.remove(filled)
        code, text = self.run_box("models/mobilenet_v2-64x96-fp32", "--sanitizer=no")
        self.assertEqual(code, 1)
        self.assertIn("its weights come out different here", text)

    def test_3_another_reference_fails(self):
        for name, place in (("models/ppocr_cls-4-fp32", "outputs"), ("suite/test_relu", "inputs")):
            folder = os.path.join(self.box, "cases", name)
            with open(os.path.join(folder, "case.json"), encoding="utf-8") as file:
                key = next(iter(json.load(file)["data"][0][place].values()))
            path = os.path.join(folder, "data_0.npz")
            arrays = dict(np.load(path))
            arrays[key].reshape(-1)[0] += 1
            np.savez(path, **arrays)
            code, text = self.run_box(name, "--sanitizer=no")
            self.assertEqual(code, 1, text)
            self.assertIn("0 passed, 1 failed", text)
            self.assertEqual(self.results()[name]["result"], "failed")

    def test_4_sanitizer(self):
        tools = os.path.join(self.scratch, "tools")
        os.makedirs(tools)
        with open(os.path.join(tools, "compute-sanitizer"), "w", encoding="utf-8") as file:
            file.write(WATCHER)
        os.chmod(file.name, 0o755)
        code, text = self.run_box("operators", path=tools + ":/usr/bin:/bin")
        self.assertEqual(code, 0, text)
        self.assertIn("racecheck of ", text)
        code, text = self.run_box("operators", "--missing", "--sanitizer=no")
        self.assertIn("0 passed, 0 failed", text)

    def test_5_no_driver(self):
        done = subprocess.run([os.path.join(self.box, "run")], capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin", "TENON_CUDA_DRIVER": "/nowhere/libcuda.so"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("the CUDA driver cannot be loaded", done.stderr)

    def test_6_compare(self):
        done = subprocess.run([sys.executable, "-m", "compileall", "-q", os.path.join(self.box, "scripts")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        if not importlib.util.find_spec("torch"):
            done = subprocess.run([sys.executable, os.path.join(self.box, "compare")], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("has no torch", done.stderr)


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
