"""tenon-run from outside: inputs of all kinds, comparison, steps, requests, and exit codes.

usage: test_tenon_run.py TENON-RUN MODEL FOLDER, where MODEL is the fake model of the unit tests.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import unittest

import numpy as np

tool, model, folder = sys.argv[1:4]
N = 6


def run(*words, code=0, stdin=None):
    """Runs the tool; gives its output (the errors if it fails)."""
    done = subprocess.run([tool, *words], input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"{words}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
    return done.stderr if code not in (0, 5) else done.stdout


def varint(value):
    parts = b""
    while value >= 128:
        parts += bytes([value & 127 | 128])
        value >>= 7
    return parts + bytes([value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def tensor_proto(array, name, raw=True):
    """An ONNX TensorProto by its wire format."""
    types = {"float32": 1, "int64": 7}
    text = b"".join(varint(1 << 3) + varint(d) for d in array.shape)
    text += varint(2 << 3) + varint(types[str(array.dtype)]) + field(8, name.encode())
    if raw:
        return text + field(9, array.tobytes())
    if array.dtype == np.int64:
        return text + field(7, b"".join(varint(int(v)) for v in array.flat))
    return text + field(4, array.tobytes())


class TenonRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        os.chdir(folder)
        cls.x = np.arange(N * 4, dtype=np.float32).reshape(N, 4)
        cls.bias = np.array([1, 2, 3, 4], np.float32)
        cls.index = np.arange(N, dtype=np.int64)[::-1].copy()
        cls.y = 2 * cls.x + cls.bias
        np.save("x.npy", cls.x)
        np.save("bias.npy", cls.bias)
        np.save("index.npy", cls.index)
        np.save("y.npy", cls.y)
        np.savez("all.npz", x=cls.x, bias=cls.bias, index=cls.index)
        np.savez("expected.npz", y=cls.y, picked=cls.y[cls.index], double_size=np.arange(2 * N))

    def test_info(self):
        self.assertIn("f32 [N, 4]\n", run(model, "--info"))
        info = json.loads(run(model, "--info", "--json"))
        self.assertEqual(info["inputs"][0], {"name": "x", "type": "f32", "dims": ["N", 4]})
        self.assertEqual(info["outputs"][2], {"name": "double_size", "type": "i64", "dims": [None]})

    def test_one_processor(self):
        """A process that may use one processor only takes one thread."""
        processor = {min(os.sched_getaffinity(0))}
        done = subprocess.run([tool, model, "-i", "all.npz", "--json"], capture_output=True, text=True, timeout=60,
                              preexec_fn=lambda: os.sched_setaffinity(0, processor))
        self.assertEqual((done.returncode, json.loads(done.stdout)["threads"]), (0, 1), done.stderr)

    def test_kinds_of_files(self):
        np.savez_compressed("packed.npz", x=self.x, bias=self.bias, index=self.index)
        np.save("fortran.npy", np.asfortranarray(self.x))
        np.save("big.npy", self.x.astype(">f4"))
        for raw in (True, False):
            for name in ("x", "bias", "index"):
                with open(f"{name}{raw}.pb", "wb") as file:
                    file.write(tensor_proto(getattr(self, name), name, raw))
        rest = ["-i", "bias=bias.npy", "-i", "index=index.npy"]
        for words in (["-i", "all.npz"], ["-i", "packed.npz"], ["-i", "x=all.npz", *rest], ["-i", "x=x.npy", *rest],
                      ["-i", "x=fortran.npy", *rest], ["-i", "x=big.npy", *rest],
                      *(["-i", f"x{raw}.pb", "-i", f"bias{raw}.pb", "-i", f"index={'index'}{raw}.pb"]
                        for raw in (True, False))):
            result = json.loads(run(model, *words, "-e", "expected.npz", "--json"))
            self.assertEqual([o["ok"] for o in result["outputs"]], [True] * 3, words)

    def test_equals_sign_in_a_path(self):
        """What stands before a '=' is a name, unless nothing has it and the whole is a file."""
        os.makedirs("in=1", exist_ok=True)
        shutil.copy("all.npz", "in=1/all.npz")
        shutil.copy("expected.npz", "in=1/expected.npz")
        shutil.copy("x.npy", "in=1/x.npy")
        run(model, "-i", "in=1/all.npz", "-e", "in=1/expected.npz")
        run(model, "-i", os.path.abspath("in=1/all.npz"), "-e", "y=in=1/expected.npz")
        run(model, "-i", "all.npz", "-i", "x=in=1/x.npy", "-e", "expected.npz")
        self.assertIn("no input 'in'", run(model, "-i", "in=2/all.npz", code=1))
        self.assertIn("no output 'in'", run(model, "-i", "all.npz", "-e", "in=2/expected.npz", code=1))

    def test_no_numbers(self):
        """The least and the largest of what is no number at all, and of the others where some are none."""
        x = np.full((N, 4), np.nan, np.float32)
        np.save("nan.npy", x)
        rest = ["-i", "bias=bias.npy", "-i", "index=index.npy"]
        self.assertRegex(run(model, "-i", "x=nan.npy", *rest), r"y +f32 6x4  min nan  max nan  mean nan  \(24 not finite\)\n")
        x[0] = 5
        np.save("nan.npy", x)
        self.assertRegex(run(model, "-i", "x=nan.npy", *rest), r"y +f32 6x4  min 11  max 14  mean nan  \(20 not finite\)\n")

    def test_outputs(self):
        run(model, "-i", "all.npz", "-o", "made/here")
        np.testing.assert_array_equal(np.load("made/here/output_0.npy"), self.y)
        np.testing.assert_array_equal(np.load("made/here/output_2.npy"), np.arange(2 * N))
        with open("file", "w", encoding="utf-8"):
            pass
        run(model, "-i", "all.npz", "-o", "file/folder", code=4)

    def test_expectations(self):
        wrong = self.y.copy()
        wrong[2, 3] += 0.5
        np.save("wrong.npy", wrong)
        text = run(model, "-i", "all.npz", "-e", "y=wrong.npy", code=5)
        self.assertIn("differs: largest error 0.5 absolute (at element 11), 0.01 relative", text)
        run(model, "-i", "all.npz", "-e", "y=wrong.npy", "--tolerance", "0.02")
        wrong[0, 0] = np.nan
        np.save("wrong.npy", wrong)
        result = json.loads(run(model, "-i", "all.npz", "-e", "y=wrong.npy", "--json", "--tolerance", "9", code=5))
        self.assertIsNone(result["outputs"][0]["max_abs_error"])
        np.save("wrong.npy", self.y[:5])
        self.assertIn("f32 6x4, expected f32 5x4", run(model, "-i", "all.npz", "-e", "y=wrong.npy", code=5))
        np.save("wrong.npy", self.y.astype(np.float64))
        self.assertIn("expected f64 6x4", run(model, "-i", "all.npz", "-e", "y=wrong.npy", code=5))

    def test_random(self):
        words = [model, "--random", "--dim", "N=50", "-o"]
        for seed, name in ((1, "a"), (1, "b"), (2, "c")):
            run(*words, name, "--seed", str(seed))
        a, b, c = (np.load(f"{name}/output_0.npy") for name in "abc")
        np.testing.assert_array_equal(a, b)
        self.assertTrue((a != c).any())
        run(*words, "d", "--range", "index=0:50", "--range", "bias=100:101")
        self.assertGreater(np.load("d/output_0.npy").min(), 97)
        self.assertIn("is out of range", run(*words, "e", "--range", "index=50:51", code=2))
        self.assertIn("'x' has one already", run(*words, "e", "-i", "x=x.npy", "-i", "x=x.npy", code=1))
        self.assertIn("--dim 'N=...'", run(model, "--random", code=1))
        run(model, "--random", "--shape", "x=3x4", "--shape", "index=3")
        run(model, "--random", "--shape", "x=3xq", "--shape", "index=3", code=1)
        run(*words, "constant", "--range", "x=3:3", "--range", "bias=0.5:0.5", "--range", "index=7:7")
        np.testing.assert_array_equal(np.load("constant/output_1.npy"), np.full((50, 4), 6.5, np.float32))
        for wrong, text in ((["--range", "x=3"], "expected NAME=LOW:HIGH"), (["--range", "x=3:4:"], "expected NAME=LOW:HIGH"),
                            (["--range", "x=0:inf"], "expected NAME=LOW:HIGH"), (["--range", "x=4:3"], "LOW is above HIGH"),
                            (["--range", "z=0:1"], "no input 'z', only 'x', 'bias', 'index'"),
                            (["--shape", "z=4"], "no input 'z', only 'x', 'bias', 'index'"),
                            (["--dim", "M=3"], "no dimension 'M', only 'N'"), (["--dim", "N=3"], "'N' has one already")):
            self.assertIn(text, run(*words, "e", *wrong, code=1))
        # Sizes by several options agree.
        run(model, "--random", "--dim", "N=6", "-i", "x=x.npy", "--shape", "index=6")
        run(model, "--random", "--dim", "N=2", "--shape", "x=3x2x4", "--steps", "3", "--step", "x")
        for wrong, text in ((["--shape", "x=3x4"], "input 'x': dimension 0 is 3 by --shape x=3x4, but 50 by --dim N=50"),
                            (["-i", "x=x.npy"], "input 'x': dimension 0 is 6 by --input, but 50 by --dim N=50"),
                            (["-i", "x=x.npy", "--shape", "x=50x4"], "--shape x=...: this input is given by --input"),
                            (["-i", "x=x.npy", "--range", "x=0:1"], "--range x=...: this input is given by --input"),
                            (["--shape", "x=3x50x4", "--shape", "index=3", "--steps", "3", "--step", "x"],
                             "input 'index': dimension 0 is 3 by --shape index=3, but 50 by --dim N=50")):
            self.assertIn(text, run(*words, "e", *wrong, code=1))
        # What an option says and no input takes is wrong usage, as for tenon-compile; of a file it is a wrong input.
        for wrong, text in ((["x=3x5", "index=3"], "input 'x' is given the shape 3x5, expected one that fits ?x4"),
                            (["x=3", "index=3"], "input 'x' is given the shape 3, expected one that fits ?x4"),
                            (["x=3x4", "index=5"], "input 'index' gives the dimension 'N' the size 5, expected 3 as elsewhere")):
            shapes = [word for shape in wrong for word in ("--shape", shape)]
            self.assertIn(text, run(model, "--random", *shapes, code=1))
        self.assertIn("input 'x' is given the shape 3x2x5, expected one that fits ?x4 behind the steps",
                      run(model, "--random", "--shape", "x=3x2x5", "--shape", "index=2", "--steps", "3", "--step", "x", code=1))
        self.assertIn("input 'index' gives the dimension 'N' the size 5, expected 6 as elsewhere",
                      run(model, "--random", "-i", "x=x.npy", "--shape", "index=5", code=1))
        np.save("five.npy", np.arange(5))
        run(model, "--random", "-i", "x=x.npy", "-i", "index=five.npy", code=2)
        # What no model makes right is told before one is loaded.
        self.assertIn("--dim N=x: 'x' is no size", run("absent.so", "--random", "--dim", "N=x", code=1))

    def test_fifo(self):
        """What reads a FIFO gets what is written to it."""
        os.mkfifo("pipe")
        with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
            run(model, "--random", "--dim", "N=2", "--trace", "pipe")
            self.assertIn(b"traceEvents", reader.communicate(timeout=60)[0])

    def test_steps(self):
        x = np.arange(3 * N * 4, dtype=np.float32).reshape(3, N, 4)
        np.save("steps.npy", x)
        rest = ["-i", "bias=bias.npy", "-i", "index=index.npy", "--steps", "3", "-o", "stepped"]
        run(model, "-i", "x=steps.npy", *rest, "--step", "x")
        np.testing.assert_array_equal(np.load("stepped/output_0.npy"), 2 * x + self.bias)
        run(model, "-i", "x=x.npy", *rest, "--carry", "y=x")
        y = [self.x]
        for _ in range(3):
            y.append(2 * y[-1] + self.bias)
        np.testing.assert_array_equal(np.load("stepped/output_0.npy"), np.stack(y[1:]))
        run(model, "-i", "x=x.npy", *rest, "--carry", "y=nothing", code=1)
        for twice in (["--carry", "y=x", "--carry", "double_size=x"], ["--carry", "y=x", "--step", "x"],
                      ["--step", "x", "--step", "x"]):
            self.assertIn("input 'x' gets two values in each step, expected one: a slice, or an output carried to it",
                          run(model, "-i", "x=x.npy", *rest, *twice, code=1))
        run(model, "-i", "x=x.npy", *rest, "--step", "x", code=2)

    def test_timing(self):
        result = json.loads(run(model, "-i", "all.npz", "--repeat", "7", "--threads", "2", "--profile", "--json"))
        self.assertEqual((result["runs"], result["threads"]), (7, 2))
        self.assertLessEqual(result["min_ms"], result["median_ms"])
        self.assertEqual({entry["name"]: entry["calls"] for entry in result["profile"]},
                         {"Mul_0": 7, "Add_1": 7, "Gather_2": 7})
        text = run(model, "-i", "all.npz", "--profile", "--repeat", "50")
        self.assertIn("Gather_2", text)
        # The fake model takes less than a millisecond.
        self.assertRegex(text, r"50 runs on \d+ threads?: least 0\.0*[1-9]\d\d ms")

    def test_requests(self):
        for i, name in enumerate(("x", "bias", "index")):
            os.makedirs("case", exist_ok=True)
            np.save(f"case/input_{i}.npy", getattr(self, name))
        requests = [
            {"op": "load", "id": "m", "model": model, "threads": 1},
            {"op": "run", "id": "m", "to": "unserved"},
            {"op": "inputs", "id": "m", "from": "case"},
            {"op": "run", "id": "m", "to": "served"},
            {"op": "time", "id": "m", "runs": 5},
            {"op": "steps", "id": "m", "to": "served2", "steps": 2, "carry": {"y": "x"}},
            {"op": "load", "id": "other", "model": "nothing.so"},
            {"op": "dance", "id": "m"},
            {"op": "unload", "id": "m"},
            {"op": "time", "id": "m"},
            {"op": "time", "id": 7},
            {"op": "time"},
            {"op": "load", "id": "m", "model": model, "threads": "1"},
            {"op": "load", "id": "m", "model": model},
            {"op": "time", "id": "m", "runs": 1.5},
            {"op": "time", "id": "m", "runs": 2**32 + 1},
            {"op": "time", "id": "m", "runs": 0},
            {"op": "profile", "id": "m"},
            {"op": "steps", "id": "m", "to": "served", "steps": 2, "carry": ["y"]},
            {"op": "steps", "id": "m", "to": "unserved", "steps": 2},
            {"op": "dance", "id": "nobody"},
            {"op": "load", "id": "m", "model": model, "half-io": ["x"]},
            {"op": "unload", "id": "m", "from": "case"},
            {"op": "load", "id": "m", "model": model, "half_io": "x"},
            {"op": "load", "id": "m", "model": model, "half_io": ["x"], "precision": "bf16"},
            {"op": "load", "id": "m", "model": model, "tuning": "tuned.json"},
            {"op": "run", "id": "m", "to": "x.npy"},
            {"op": "inputs", "id": "m", "from": "nowhere"},
        ]
        text = "\n".join(map(json.dumps, requests)) + "\nnot json\n\n[]\n"
        compiled = f"'{model}' is compiled already: a provider, a target, a tuning or a precision can be chosen for .onnx only"
        replies = [json.loads(line) for line in run("--serve", stdin=text).splitlines()]
        self.assertEqual(len(replies), len(requests) + 2)
        self.assertEqual(replies[0]["outputs"], ["y", "picked", "double_size"])
        self.assertEqual([reply.get("code") for reply in replies],
                         [None, 2, None, None, None, None, 4, 1, None, 1, 1, 1, 1, None, 1, 1, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 4, 4, 1, 1])
        self.assertEqual([reply.get("error") for reply in replies[10:]],
                         ["'id' of the request is 7, expected a text", "the request has no 'id', expected a text",
                          "'threads' of the request is \"1\", expected a whole number", None,
                          "'runs' of the request is 1.5, expected a whole number",
                          "'runs' of the request is 4294967297, expected a whole number",
                          "'runs' of the request is 0, expected 1 or more", "missing input 'x' (f32 ?x4)",
                          "'carry' of the request is [\"y\"], expected an object of texts",
                          "missing input 'x' (f32 ?x4)",
                          "unknown request 'dance', expected one of: inputs, load, profile, run, steps, time, unload",
                          "the request 'load' has an unknown key 'half-io', expected some of: op, id, model, threads, provider, "
                          "target, device, precision, keep_fp32, half_io, tuning",
                          "the request 'unload' has an unknown key 'from', expected some of: op, id",
                          "'half_io' of the request is \"x\", expected a list of texts", compiled, compiled,
                          "can't make the folder 'x.npy': Not a directory",
                          "can't read 'nowhere/input_0.npy': No such file or directory",
                          "expected a request as JSON in one line, found something else at byte 2",
                          "expected a request as an object, found array"])
        self.assertEqual(len(replies[4]["ms"]), 5)
        self.assertEqual(replies[5]["outputs"][0], {"name": "y", "type": "f32", "dims": [2, N, 4]})
        np.testing.assert_array_equal(np.load("served/output_0.npy"), self.y)
        self.assertFalse(os.path.exists("unserved"))

    def test_failed_requests(self):
        """What was given before stays."""
        for i, name in enumerate(("x", "bias", "index")):
            os.makedirs("kept", exist_ok=True)
            np.save(f"kept/input_{i}.npy", getattr(self, name))
        os.makedirs("part", exist_ok=True)
        np.save("part/input_0.npy", 7 * self.x)
        carry = {"y": "x", "double_size": "index"}  # which fits no second step
        lines = [json.dumps(request) for request in (
            {"op": "load", "id": "m", "model": model, "threads": 1},
            {"op": "inputs", "id": "m", "from": "kept"},
            {"op": "steps", "id": "m", "to": "failed", "steps": 2, "carry": carry},
            {"op": "inputs", "id": "m", "from": "part"},
            {"op": "load", "id": "m", "model": "nothing.so"},
            {"op": "inputs", "id": "m", "from": ""},
            {"op": "run", "id": "m", "to": ""},
            {"op": "load", "id": "m", "model": ""})]
        lines += ['{"op": "time", "id": "m", "runs": 1, "runs": 2}',
                  '{"op": "steps", "id": "m", "to": "failed", "steps": 1, "carry": {"y": "x", "y": "x"}}',
                  json.dumps({"op": "load", "id": "m", "model": model, "threads": 2**20}),
                  " ", json.dumps({"op": "run", "id": "m", "to": "after"})]
        replies = [json.loads(line) for line in run("--serve", stdin="\n".join(lines)).splitlines()]
        self.assertEqual([reply.get("code") for reply in replies], [None, None, 2, 4, 4, 1, 1, 1, 1, 1, 1, None], replies)
        for reply, key in zip(replies[5:], ("from", "to", "model")):
            self.assertEqual(reply["error"], f"'{key}' of the request is \"\", expected a path")
        self.assertEqual([reply["error"] for reply in replies[8:10]], ["the request has 'runs' twice", "the request has 'y' twice"])
        np.testing.assert_array_equal(np.load("after/output_0.npy"), self.y)

    def test_usage_errors(self):
        for words in ([], [model, "--nothing"], [model, "--threads", "0"], [model, "--repeat", "-1"],
                      [model, "-i", "z=x.npy"], [model, "-i", "x.npy"], [model, "--carry", "y=x"],
                      [model, "--steps", "2", "--carry", "y"], [model, "-i", "all.npz", "-e", "z=y.npy"]):
            run(*words, code=1)
        for words, text in (([], "model is required"), ([model, "--threads", "0"], "--threads: expected 1 or more, found '0'"),
                            ([model, "--repeat", "-1"], "--repeat: expected 0 or more, found '-1'"),
                            ([model, "--tolerance", "-1"], "--tolerance: expected 0 or more, found '-1'"),
                            ([model, "--steps", "x"], "--steps: expected 1 or more, found 'x'"),
                            ([model, "--nothing", "x"], "unknown option '--nothing'; see tenon-run --help"),
                            ([model, "--", "b"], "unexpected argument 'b'; see tenon-run --help"),
                            ([model, "--", "--info"], "unexpected argument '--info'; see tenon-run --help"),
                            ([model, "--no", "--", "b"], "unknown option '--no'; see tenon-run --help"),
                            ([model, "--json=x"], "--json: expected no value, found 'x'; see tenon-run --help"),
                            ([model, "--repeat", "3000000000"], "--repeat: expected a smaller number, found '3000000000'"),
                            ([model, "again"], "unexpected argument 'again'; see tenon-run --help"),
                            ([model, "--seed", "1.5"], "--seed: expected a whole number, found '1.5'; see tenon-run --help"),
                            ([model, "--seed", "-1"], "--seed: expected 0 or more, found '-1'"),
                            ([model, "-i", "all.npz", "--seed", "1"], "--seed requires --random"),
                            ([model, "-i", "all.npz", "--tolerance", "1"], "--tolerance requires --expect or --compare-with"),
                            ([model, "--info", "--repeat", "3"], "--info runs nothing: no --output, --expect"),
                            ([model, "--info", "-o", "unmade"], "--info runs nothing: no --output, --expect"),
                            ([model, "--bisect"], "is compiled already: --bisect takes"),
                            ([model, "--seed"], "--seed: expected a value; see tenon-run --help"),
                            ([model, "--seed", "1", "--seed", "2"], "--seed: expected one value only; see tenon-run --help"),
                            # An empty value does not take the next word.
                            ([model, "--precision=", "--info"], "--precision: expected a value, found ''"),
                            ([model, "--carry", "y=x"], "--carry requires --steps"),
                            ([model, "--shape", "x=3x4"], "--shape requires --random"),
                            (["--serve", model], "--serve: stands alone"),
                            ([model, "--random", "--dim", "N=4", "--provider", "codegen"], "is compiled already"),
                            ([model, "--random", "--dim", "N=4", "--target", "native"], "is compiled already")):
            message = run(*words, code=1)
            self.assertTrue(message.startswith("tenon-run: error: ") and text in message, message)
            self.assertEqual(message.count("\n"), 1, message)
        for option in ("--device", "--compare-device"):
            for device in ("", "gpu", "cuda:", "cuda:x", "cpu:0"):
                self.assertIn(f"{option}: expected cpu, cuda or cuda:N, found '{device}'",
                              run("absent.so", "--compare-with", "absent.so", option, device, code=1))
        for option in ("--target", "--provider", "--precision"):
            self.assertRegex(run("absent.onnx", option, "", code=1), f"{option}: expected .*, found ''")
        for option in ("--trace", "--report", "-o", "-i", "-e", "--compare-with", "--tuning"):
            self.assertIn(": expected a path, found ''", run("absent.so", option, "", code=1))
        self.assertIn("--input x=: expected a file behind '='", run(model, "-i", "x=", code=1))
        self.assertIn("--expect y=: expected a file behind '='", run(model, "-i", "all.npz", "-e", "y=", code=1))
        self.assertIn("missing input 'index' (i64 [N]): give it by --input, or --random",
                      run(model, "-i", "x=x.npy", "-i", "bias=bias.npy", code=2))
        self.assertFalse(os.path.exists("unmade"))
        self.assertIn("can't read 'absent.so': No such file or directory", run("absent.so", "--bisect", code=4))
        self.assertIn("can't read '.': it is no file", run(".", "--bisect", code=4))
        self.assertIn("Exit codes", run("--help"))
        run("--version")

    def test_bad_files(self):
        good = open("x.npy", "rb").read()
        header = good[:10] + good[10:].replace(b"(6, 4)", b"(6, 9)")
        # As many elements as there are bytes: none, whatever the other dimensions are.
        none = good[:8] + struct.pack("<H", 118) + (b"{'descr': '<f4', 'fortran_order': True, 'shape': "
                                                    b"(4611686018427387904, 4611686018427387904, 0)}").ljust(117) + b"\n"
        huge = good[:10] + good[10:].replace(b"(6, 4), ", b"(99999999999999, 99999999), ")[: len(good) - 10]
        for name, content, code in (
            ("empty.npy", b"", 2), ("text.npy", b"hello, this is no array", 2), ("short.npy", good[:-1], 2),
            ("header.npy", good[:60], 2), ("shape.npy", header, 2), ("huge.npy", huge, 2), ("none.npy", none, 2),
            ("version.npy", good[:6] + b"\x09" + good[7:], 2),
            ("strings.npy", good.replace(b"'<f4'", b"'<U1'"), 3), ("zip.npz", b"PK\x03\x04 no zip", 2),
            ("empty.pb", b"", 3), ("text.pb", b"\xff\xff\xff\xff\xff", 2),
            ("length.pb", tensor_proto(self.x, "x")[:-1], 2), ("kind.txt", good, 3),
            ("dims.pb", tensor_proto(self.x, "x") + varint(1 << 3) + varint(7), 2),
            ("strings.pb", varint(1 << 3) + varint(1) + varint(2 << 3) + varint(8) + field(6, b"a"), 3),
        ):
            with open(name, "wb") as file:
                file.write(content)
            run(model, "-i", f"x={name}", code=code)
        run(model, "-i", "x=absent.npy", code=4)
        run(model, "-i", "x=absent.npz", code=4)
        self.assertIn("can't read 'absent': No such file or directory", run(model, "-i", "x=absent", code=4))
        for folder in ("folder", "folder.npy", "folder.npz"):
            os.makedirs(folder, exist_ok=True)
            self.assertIn(f"can't read '{folder}': it is a folder", run(model, "-i", f"x={folder}", code=4))
        np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
        run(model, "-i", "x=objects.npy", code=3)
        np.save("double.npy", self.x.astype(np.float64))
        run(model, "-i", "all.npz", "-i", "x=double.npy", code=2)
        run("absent.so", code=4)
        run("x.npy", code=2)

    def test_mutated_arrays(self):
        """No byte of a file makes the tool crash."""
        good = open("x.npy", "rb").read()
        proto = tensor_proto(self.x, "x", raw=False)
        generator = np.random.default_rng(3)
        for base, name in ((good, "mutant.npy"), (proto, "mutant.pb")):
            for _ in range(60):
                content = bytearray(base)
                for _ in range(3):
                    content[generator.integers(min(len(content), 90))] = generator.integers(256)
                with open(name, "wb") as file:
                    file.write(content)
                done = subprocess.run([tool, model, "-i", f"x={name}"], capture_output=True, timeout=60)
                self.assertIn(done.returncode, (2, 3), content)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
