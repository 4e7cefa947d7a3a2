"""Makes a small bundle with utils/gpu/bundle, moves it, and runs it with the tests' CUDA driver in an empty environment.

    test_gpu_bundle.py BUILD [-v]
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
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
# Stands for compute-sanitizer: runs a program, and says that it found so many errors in it.
WATCHER = """#!/bin/sh
while [ "$1" != --log-file ]; do shift; done
echo '========= ERROR SUMMARY: {errors} error' >"$2"
shift 2
"$@" && exit {code}
"""
# One that does not end, and begins another process.
SLEEPER = """#!/bin/sh
sleep 600 &
echo $! >'{}'
wait
"""


def load(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def make_bundle(*arguments):
    return subprocess.run([os.path.join(root, "utils", "gpu", "bundle"), "--build", BUILD, *arguments], capture_output=True,
                          text=True)


class BundleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp()
        made = os.path.join(cls.scratch, "made", "box")
        done = make_bundle("-o", made, "--pack", "--suite", SUITE, "--operators", "window", "--models", *MODELS)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.said = done.stdout
        with tarfile.open(made + ".tar.xz") as archive:
            archive.extractall(cls.scratch)
        shutil.rmtree(os.path.dirname(made))
        cls.box = os.path.join(cls.scratch, "box")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.scratch)

    def run_box(self, *arguments, path="/usr/bin:/bin"):
        done = subprocess.run([os.path.join(self.box, "run"), *arguments], capture_output=True, text=True,
                              env={"PATH": path, **emulation.environment(BUILD)})
        return done.returncode, done.stdout + done.stderr

    def restore(self, path):
        """Has a file of the box be as it is now after the test."""
        with open(path, "rb") as file:
            data = file.read()

        def write():
            with open(path, "wb") as file:
                file.write(data)

        self.addCleanup(write)
        return data

    def test_all_pass_elsewhere(self):
        left_out = [line for line in self.said.splitlines() if line.startswith("left out: ")]
        self.assertEqual(len(left_out), 1, left_out)
        self.assertIn("suite/test_bernoulli: expected to fail", left_out[0])
        code, text = self.run_box()
        self.assertEqual(code, 0, text)
        self.assertIn("0 failed", text.splitlines()[-1])
        self.assertIn("not run: compute-sanitizer", text)
        self.assertIn("suite/test_bernoulli: expected to fail", text)
        self.assertEqual(load(self.box, "manifest.json")["cases"], sorted(load(self.box, "results.json")["cases"]))
        with open(os.path.join(self.box, "results.md"), encoding="utf-8") as file:
            self.assertIn("| mobilenet_v2-64x96-fp32 |", file.read())

    def test_seeded_weights_are_not_carried(self):
        model = "mobilenet_v2-fp32.so"
        case = ("models/mobilenet_v2-64x96-fp32", "--sanitizer=no")
        code, text = self.run_box(*case)
        self.assertEqual(code, 0, text)
        cut = os.path.join(self.box, "models", model + ".cut")
        digest = load(self.box, "models", model + ".json")["sha256"]
        filled = os.path.join(self.box, "filled", digest + ".so")
        self.assertLess(os.path.getsize(cut), os.path.getsize(filled) / 5)
        data = self.restore(cut)
        with open(cut, "wb") as file:
            file.write(bytes([data[0] ^ 1]) + data[1:])
        os.remove(filled)
        code, text = self.run_box(*case)
        self.assertEqual(code, 1)
        self.assertIn("its weights come out different here", text)

    def test_another_reference_fails(self):
        for name, place in (("models/ppocr_cls-4-fp32", "outputs"), ("suite/test_relu", "inputs")):
            folder = os.path.join(self.box, "cases", name)
            key = next(iter(load(folder, "case.json")["data"][0][place].values()))
            path = os.path.join(folder, "data_0.npz")
            self.restore(path)
            arrays = dict(np.load(path))
            arrays[key].reshape(-1)[0] += 1
            np.savez(path, **arrays)
            code, text = self.run_box(name, "--sanitizer=no")
            self.assertEqual(code, 1, text)
            self.assertIn("0 passed, 1 failed", text)
            self.assertEqual(load(self.box, "results.json")["cases"][name]["result"], "failed")

    def run_watched(self, watcher, *arguments):
        tools = os.path.join(self.scratch, "tools")
        os.makedirs(tools, exist_ok=True)
        path = os.path.join(tools, "compute-sanitizer")
        with open(path, "w", encoding="utf-8") as file:
            file.write(watcher)
        os.chmod(path, 0o755)
        return self.run_box("operators", *arguments, path=tools + ":/usr/bin:/bin")

    def test_sanitizer(self):
        for errors, code in ((0, 0), (1, 99)):
            # The second time only what passed the first time is watched.
            ended, text = self.run_watched(WATCHER.format(errors=errors, code=code),
                                           "--sanitizer=only" if errors else "--sanitizer=yes")
            self.assertEqual(ended, errors, text)
            for tool in ("memcheck", "racecheck"):
                failed = re.escape(f" (FAILED, see {tool}-operators.txt)") if errors else ""
                self.assertRegex(text, rf"(?m)^{tool} of \d+ operators: {errors} error{failed}$")
            self.assertIn("0 passed, 2 failed" if errors else "passed, 0 failed", text)

    def test_sanitizer_does_not_end(self):
        self.run_box("operators", "--sanitizer=no")
        number = os.path.join(self.scratch, "sleeper")
        ended, text = self.run_watched(SLEEPER.format(number), "--sanitizer=only", "--sanitizer-limit=0.5")
        self.assertEqual(ended, 1, text)
        for tool in ("memcheck", "racecheck"):
            self.assertRegex(text, rf"(?m)^{tool} of \d+ operators: unfinished after 0.5 s$")
        self.assertEqual(text.splitlines()[-1], "0 passed, 0 failed, 2 unfinished")
        self.assertIn("unfinished", load(self.box, "results.json")["sanitizer"][0])
        # Nothing is left that keeps the GPU busy.
        with open(number, encoding="utf-8") as file:
            status = f"/proc/{file.read().strip()}/stat"
        state = "gone"
        for _ in range(100):
            if not os.path.exists(status):
                break
            with open(status, encoding="utf-8") as file:
                state = file.read().rpartition(")")[2].split()[0]
            if state == "Z":
                break
            time.sleep(0.1)
        else:
            self.fail(f"it goes on: {state}")

    def test_missing(self):
        self.run_box("operators", "--sanitizer=no")
        code, text = self.run_box("operators", "--missing", "--sanitizer=no")
        self.assertIn("0 passed, 0 failed", text)
        # What another bundle found is no result of this one.
        manifest = os.path.join(self.box, "manifest.json")
        self.restore(manifest)
        content = {**load(manifest), "commit": "another"}
        with open(manifest, "w", encoding="utf-8") as file:
            json.dump(content, file)
        code, text = self.run_box("operators", "--missing", "--sanitizer=no")
        self.assertNotIn("0 passed, 0 failed", text)
        self.assertEqual(load(self.box, "results.json")["bundle"]["commit"], "another")

    def test_nothing_is_made_of_unknown_names(self):
        folder = os.path.join(self.scratch, "nothing")
        for words, said in ((["--suite", "^no_such_test$"], "no name of ONNX's tests has a match of '^no_such_test$'"),
                            (["--operators", "window", "no-such-test"], "no test of operators 'no-such-test'"),
                            (["--models", "no-such-case"], "no case's name starts with 'no-such-case'")):
            done = make_bundle("-o", folder, *words)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertFalse(os.path.exists(folder))

    def test_no_driver(self):
        done = subprocess.run([os.path.join(self.box, "run")], capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin", "TENON_CUDA_DRIVER": "none"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("the CUDA driver cannot be loaded", done.stderr)


class CompareTest(unittest.TestCase):
    """utils/compare gpu, as far as it goes without a GPU."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = os.path.join(scratch.name, "compare")
        os.makedirs(os.path.join(self.folder, "inductor"))
        self.mark = os.path.join(self.folder, "timed.json")
        open(self.mark, "w").close()

    def compare(self, *arguments):
        return subprocess.run([os.path.join(root, "utils", "compare"), "gpu", "-o", self.folder, "--build", BUILD,
                               *arguments], capture_output=True, text=True)

    def test_makes_a_folder(self):
        stale = os.path.join(self.folder, "stale")
        open(stale, "w").close()
        done = self.compare("unet-1", "--minutes", "10")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(", 0 left out", done.stdout)
        self.assertFalse(os.path.exists(stale))
        self.assertTrue(os.path.isdir(os.path.join(self.folder, "inductor")))
        self.assertEqual([case["model"] for case in load(self.folder, "timed.json")], ["unet"])
        for name in ("graphs/unet.json", "graphs/unet.npz", *(f"models/unet-{p}.so.cut" for p in ("fp32", "fp16", "tf32"))):
            self.assertTrue(os.path.exists(os.path.join(self.folder, name)), name)
        done = subprocess.run([sys.executable, "-m", "compileall", "-q", os.path.join(self.folder, "scripts")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        if not importlib.util.find_spec("torch"):
            done = subprocess.run([sys.executable, os.path.join(self.folder, "compare")], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("has no torch", done.stderr)

    def test_mistakes_leave_the_folder(self):
        for mistake, words in (("--minute-s", "unrecognized arguments"), ("no-such-case", "nothing that is timed")):
            done = self.compare(mistake)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
            self.assertEqual(sorted(os.listdir(self.folder)), ["inductor", "timed.json"])

    def test_another_folder_stays(self):
        os.remove(self.mark)
        done = self.compare("unet-1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is there already, and is no such folder", done.stderr)
        self.assertEqual(os.listdir(self.folder), ["inductor"])


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
