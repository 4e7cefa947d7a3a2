"""Tests compiling, saving, loading and running with the Python package."""

import ctypes
import gc
import os
import resource
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

import numpy as np

import models
import tenon

X = np.arange(6, dtype=np.float32).reshape(2, 3)
BIAS = np.array([10, 20, 30], np.float32)
Y = X * np.array([1, 2, 3], np.float32) + BIAS


class MallocInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                                                     "uordblks", "fordblks", "keepcost")]


def allocated_bytes():
    """What malloc has given to this process."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = MallocInfo
    info = mallinfo2()
    return info.uordblks + info.hblkhd


class Producer:
    """An array of another library: all that it has is DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class ModelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = tenon.compile(models.scale())

    def check(self, results):
        self.assertEqual(list(results), ["y", "sum"])
        np.testing.assert_allclose(results["y"], Y)
        np.testing.assert_allclose(results["sum"], Y.sum(1))

    def test_infos(self):
        self.assertEqual([(i.name, i.shape, i.type, i.dtype) for i in self.model.inputs],
                         [("x", ("N", 3), "tensor(float)", np.float32), ("bias.1", (3,), "tensor(float)", np.float32)])
        self.assertEqual([(o.name, o.shape) for o in self.model.outputs], [("y", ("N", 3)), ("sum", ("N",))])
        self.assertIn("x: float32[N, 3]", repr(self.model))
        self.assertGreater(self.model.weights_size, 0)
        self.assertRegex(tenon.__version__, r"^\d+\.\d+\.\d+$")
        self.assertGreaterEqual(tenon.default_threads(), 1)

    def test_sizes_from_data(self):
        """Results whose sizes only a run can tell: new arrays, and the begin of one that is given."""
        session = tenon.Session(tenon.compile(models.nonzero()))
        memory = np.full(12, -1, np.int64).reshape(2, 6)
        for x in X, X * 0, X - 2, X:
            expected = np.array(np.nonzero(x))
            np.testing.assert_array_equal(session.run({"x": x})["y"], expected)
            result = session.run({"x": x}, {"y": memory})["y"]
            np.testing.assert_array_equal(result, expected)
            self.assertTrue(result.size == 0 or np.shares_memory(result, memory))
        with self.assertRaisesRegex(tenon.InvalidError, "output 'y' is 2x5 and takes 80 bytes"):
            session.run({"x": X}, {"y": np.empty((2, 4), np.int64)})

    def test_devices(self):
        """One library for the processor and a GPU, on a machine without a driver."""
        with mock.patch.dict(os.environ, TENON_CUDA_DRIVER="none"), \
                tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.model.device, "cpu")
            path = os.path.join(folder, "both.so")
            tenon.compile(models.scale(), target="native,cuda:sm_90").save(path)
            for model in tenon.load(path), tenon.load(path, device="cpu"):
                self.assertEqual((model.device, model.devices), ("cpu", ("cpu", "cuda")))
                self.check(model(X, BIAS))
            self.assertIn("the CUDA driver cannot be loaded", tenon.load(path).device_problem)
            self.assertEqual(tenon.load(path, device="cpu").device_problem, "")
            only = tenon.compile(models.scale(), target="cuda:sm_90")
            second = tenon.compile(models.scale(), target="native,cuda:sm_90", device="cuda:1")
            for model, device in (only, "cuda"), (tenon.load(path, device="cuda"), "cuda"), (second, "cuda:1"):
                self.assertEqual((model.device, model.inputs), (device, self.model.inputs))
                with self.assertRaisesRegex(tenon.ResourceError, "the CUDA driver cannot be loaded"):
                    model.session()
            with self.assertRaisesRegex(tenon.UnsupportedError, "no code for the device 'cuda'"):
                tenon.compile(models.scale(), device="cuda")
            with self.assertRaisesRegex(tenon.UsageError, "expected cpu, cuda or cuda:N"):
                tenon.load(path, device="gpu")
            for wrong in "", 0:
                for make in tenon.load, tenon.compile:
                    with self.assertRaisesRegex(tenon.UsageError, f"^device {wrong!r}: expected 'cpu', 'cuda' or"):
                        make(path, device=wrong)

    def test_a_hundred_shapes(self):
        """They leave memory where it was, whatever runs the kernels."""
        shapes = [(1 + i % 3, 3, 16 + 5 * (i % 10), 40 + 3 * i) for i in range(100)]
        inputs = [np.ones(shape, np.float32) for shape in shapes]
        for provider in "auto", "codegen":
            session = tenon.Session(tenon.compile(models.network(), provider=provider))
            sizes, workspaces = [], []
            for _ in range(3):
                for x in inputs:
                    session.run({"x": x})
                gc.collect()
                sizes.append(allocated_bytes())
                workspaces.append(session.workspace_size)
            self.assertEqual(workspaces, workspaces[:1] * 3)
            self.assertLess(sizes[2] - sizes[1], 100000, (provider, sizes))

    def test_sources(self):
        """A model may be a path, bytes, or a protobuf message."""
        data = models.scale().SerializeToString()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "named.onnx")
            with open(path, "wb") as file:
                file.write(data)
            named = tenon.compile(path)
        self.assertEqual(named.name, "named")
        for model in (named, tenon.compile(data), tenon.compile(bytearray(data)), tenon.compile(memoryview(data))):
            self.check(model(X, BIAS))
        with self.assertRaises(tenon.UsageError):
            tenon.compile(3)

    def test_calls(self):
        self.check(self.model(X, BIAS))
        self.check(self.model(X, **{"bias.1": BIAS}))
        self.check(self.model(x=X, **{"bias.1": BIAS}))
        self.check(self.model(x=X.tolist(), **{"bias.1": [10, 20, 30]}))
        with self.assertRaisesRegex(tenon.UsageError, "no input 'z'"):
            self.model(X, BIAS, z=X)
        with self.assertRaisesRegex(tenon.UsageError, "twice"):
            self.model(X, x=X)
        with self.assertRaisesRegex(tenon.UsageError, "3 arrays"):
            self.model(X, BIAS, X)

    def test_bad_inputs(self):
        with self.assertRaisesRegex(tenon.InvalidError, "bias.1"):
            self.model(X)
        for wrong in (X.astype(np.float64), X[0], X[:, :2], X.astype(complex), np.array(["a"])):
            with self.assertRaises(tenon.InvalidError) as caught:
                self.model(wrong, BIAS)
            self.assertEqual(caught.exception.code, 2)
        with self.assertRaises(tenon.InvalidError):
            self.model("text", BIAS)
        self.check(self.model(X, BIAS))  # the session stays usable

    def test_arrays_that_are_copied(self):
        """Transposed, strided, unaligned and foreign byte order arrays give the same results."""
        unaligned = np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(2, 3)
        self.assertFalse(unaligned.flags.aligned)
        for x in (np.asfortranarray(X), np.repeat(X, 2, 0)[::2], unaligned, X.astype(">f4")):
            self.check(self.model(x, BIAS))

    def test_no_copies(self):
        """What is contiguous is handed to the runtime as it is, and outputs are what the runtime wrote to."""
        session = self.model.session()
        seen = {}
        run = session._library.tenon_session_run

        def spy(handle, inputs, num_inputs, outputs, num_outputs):
            seen.update((t.name.decode(), t.data) for t in list(inputs) + list(outputs))
            return run(handle, inputs, num_inputs, outputs, num_outputs)

        readonly = X.copy()
        readonly.flags.writeable = False
        with mock.patch.object(session, "_library", mock.Mock(wraps=session._library, tenon_session_run=spy)):
            for x, array in ((X, X), (readonly, readonly), (Producer(X), X)):
                results = session.run({"x": x, "bias.1": BIAS})
                self.assertEqual(seen["x"], array.ctypes.data)
                self.assertEqual(seen["bias.1"], BIAS.ctypes.data)
                self.assertEqual(seen["y"], results["y"].ctypes.data)
                self.check(results)

    def test_outputs(self):
        session = self.model.session()
        y = np.empty((2, 3), np.float32)
        results = session.run({"x": X, "bias.1": BIAS}, {"y": y})
        self.assertIs(results["y"], y)
        self.assertEqual(list(results), ["y"])
        np.testing.assert_allclose(y, Y)
        np.testing.assert_allclose(np.from_dlpack(results["y"]), Y)
        self.assertEqual(list(session.run({"x": X, "bias.1": BIAS}, {"sum": None})), ["sum"])
        for wrong in (np.empty((3, 2), np.float32), np.empty((2, 3))):
            with self.assertRaises(tenon.InvalidError):
                session.run({"x": X, "bias.1": BIAS}, {"y": wrong})
        readonly = np.empty((2, 3), np.float32)
        readonly.flags.writeable = False
        for wrong in (np.empty((3, 2), np.float32).T, readonly):
            with self.assertRaises(tenon.UsageError):
                session.run({"x": X, "bias.1": BIAS}, {"y": wrong})
        with self.assertRaisesRegex(tenon.UsageError, "no output 'z'"):
            session.run({"x": X, "bias.1": BIAS}, {"z": None})

    def test_shapes(self):
        """One model runs every shape; no elements are a shape too."""
        session = self.model.session(max_shapes=2)
        for n in (1, 5, 0, 3, 1):
            x = np.random.default_rng(n).random((n, 3), np.float32)
            results = session(x, BIAS)
            np.testing.assert_allclose(results["y"], x * np.array([1, 2, 3], np.float32) + BIAS, rtol=1e-6)

    def test_sessions(self):
        session = self.model.session(threads=2, profile=True)
        self.assertEqual(session.threads, 2)
        self.check(session(X, BIAS))
        self.check(session(X, BIAS))
        entries = session.profile()
        self.assertTrue(all(0 < entry.least_nanoseconds <= entry.nanoseconds for entry in entries), entries)
        self.assertEqual({entry.calls for entry in entries}, {2})
        session.reset_profile()
        self.assertEqual({entry.calls for entry in session.profile()} - {0}, set())
        self.assertGreaterEqual(session.workspace_size, 0)

    def test_lifetimes(self):
        """A session keeps its model, results keep nothing, and what is gone is freed once."""
        model = tenon.compile(models.scale())
        session = model.session()
        del model
        gc.collect()
        results = session(X, BIAS)
        del session
        gc.collect()
        self.check(results)

    def test_threads(self):
        """Threads that call one model don't disturb each other."""
        wrong = []

        def work(seed):
            x = np.random.default_rng(seed).random((4, 3), np.float32)
            for _ in range(50):
                if not np.allclose(self.model(x, BIAS)["y"], x * [1, 2, 3] + BIAS):
                    wrong.append(seed)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_save(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.so")
            self.model.save(path)
            loaded = tenon.load(path)
            self.check(loaded(X, BIAS))
            # A loaded model can be saved too, also over itself.
            loaded.save(os.path.join(folder, "again.so"))
            loaded.save(path)
            self.check(tenon.load(os.path.join(folder, "again.so"))(X, BIAS))
            self.check(tenon.load(path)(X, BIAS))
            self.assertEqual(sorted(os.listdir(folder)), ["again.so", "model.so"])
            # Running it needs no compiler.
            program = ("import sys, tenon, numpy as np; m = tenon.load(sys.argv[1])\n"
                       "print(m(np.ones((1, 3), np.float32), np.zeros(3, np.float32))['sum'])\n"
                       "print('compiler' in open('/proc/self/maps').read())")
            done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True)
            self.assertEqual(done.stdout, "[6.]\nFalse\n", done.stderr)
            # What can't be written, and what is not called a shared library, is refused before anything is there.
            for model in self.model, loaded:
                with self.assertRaisesRegex(tenon.ResourceError, "can't write '.*absent/model.so': No such file"):
                    model.save(os.path.join(folder, "absent", "model.so"))
                with self.assertRaisesRegex(tenon.UsageError, "^expected a path, found ''$"):
                    model.save("")
                for name in ("model.o", "model", "absent/model.onnx"):
                    with self.assertRaisesRegex(tenon.UsageError, f"the output '.*{name}' is a compiled model: "
                                                                  "expected a name that ends with .so$"):
                        model.save(os.path.join(folder, name))
            self.assertEqual(sorted(os.listdir(folder)), ["again.so", "model.so"])
            # A file that can't grow is the one that is written.
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
            try:
                with self.assertRaisesRegex(tenon.ResourceError, "can't write '.*large.so': File too large$"):
                    loaded.save(os.path.join(folder, "large.so"))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            self.assertEqual(sorted(os.listdir(folder)), ["again.so", "model.so"])
            # What it was loaded from may be gone.
            gone = tenon.load(os.path.join(folder, "again.so"))
            os.unlink(os.path.join(folder, "again.so"))
            with self.assertRaisesRegex(tenon.ResourceError, "can't read '.*again.so', which the model was loaded from: No such"):
                gone.save(os.path.join(folder, "new.so"))
            self.assertEqual(os.listdir(folder), ["model.so"])
            with self.assertRaises(tenon.ResourceError):
                tenon.load(os.path.join(folder, "absent.so"))
            text = os.path.join(folder, "text.so")
            with open(text, "w", encoding="utf-8") as file:
                file.write("no model")
            with self.assertRaises(tenon.InvalidError):
                tenon.load(text)

    def test_compile_calls_that_raise(self):
        for error in (KeyError("stop"), KeyboardInterrupt()):
            calls = []

            def fail(call):
                calls.append(call)
                raise error
            for model in (models.scale(), b"no model"):
                for options in ({"progress": fail}, {"on_pass": fail}):
                    del calls[:]
                    if model == b"no model" and "on_pass" in options:
                        continue  # No pass has its turn.
                    with self.assertRaises(type(error)) as caught:
                        tenon.compile(model, **options)
                    self.assertIs(caught.exception, error)
                    self.assertEqual(len(calls), 1)
        for options in ({"progress": 3}, {"on_pass": "name"}):
            with self.assertRaisesRegex(tenon.UsageError, "is a function, not"):
                tenon.compile(models.scale(), **options)

    def test_compile_options(self):
        phases = []
        model = tenon.compile(models.scale(), provider="codegen", target="x86-64-v3", shapes={"x": (2, None)},
                              bindings={"bias.1": BIAS}, progress=phases.append)
        self.assertEqual(phases[0], "import")
        self.assertEqual(phases[-1], "emit")
        self.assertEqual([(i.name, i.shape) for i in model.inputs], [("x", (2, 3))])
        self.check(model(X))
        third = np.float32(1 / 3)
        exact = tenon.compile(models.scale(), bindings={"bias.1": [third, 0.1, -1e-30]})
        self.assertEqual(list(exact(np.zeros((1, 3), np.float32))["y"][0]),
                         [third, np.float32(0.1), np.float32(-1e-30)])
        for options in ({"provider": "nobody"}, {"target": "nothing"}, {"shapes": {"x": ()}},
                        {"shapes": {"z": (3,)}}, {"bindings": {"z": 3}}, {"bindings": {"x": []}}):
            with self.assertRaises(tenon.Error, msg=str(options)) as caught:
                tenon.compile(models.scale(), **options)
            self.assertIn(caught.exception.code, (1, 2), options)

    def test_precision(self):
        rng = np.random.default_rng(0)
        w = rng.standard_normal((64, 64), np.float32)
        model = models.make([("MatMul", ["x", "w"], ["h"]), ("Relu", ["h"], ["r"]), ("MatMul", ["r", "w"], ["y"])],
                            [("x", ["N", 64])], [("y", ["N", 64])], [("w", w)])
        for number, node in enumerate(model.graph.node):
            node.name = f"node{number}"
        x = rng.standard_normal((3, 64), np.float32)
        full = tenon.compile(model)(x)["y"]
        half = tenon.compile(model, precision="bf16")
        self.assertEqual(half.outputs[0].dtype, np.float32)
        found = half(x)["y"]
        self.assertFalse(np.array_equal(found, full))
        self.assertLess(np.abs(found - full).max(), 0.02 * np.abs(full).max())
        kept = tenon.compile(model, precision="bf16", keep_fp32=["node[0-9]"])
        np.testing.assert_array_equal(kept(x)["y"], full)
        narrow = tenon.compile(model, precision="bf16", half_io=["y"])
        self.assertEqual([narrow.inputs[0].dtype, narrow.outputs[0].type], [np.float32, "tensor(bfloat16)"])
        # Numbers are rounded to bf16, whether there is a type for it or not.
        narrow = tenon.compile(model, precision="bf16", half_io=["x"])
        self.assertEqual(narrow.inputs[0].type, "tensor(bfloat16)")
        np.testing.assert_array_equal(narrow(x.tolist())["y"], found)
        for options, words in (({"precision": "int3"}, "expected fp32, bf16, fp16 or tf32"),
                               ({"precision": "bf16", "keep_fp32": ["nobody"]}, "'nobody' matches no node"),
                               ({"keep_fp32": ["node0"]}, "beside another precision"),
                               ({"precision": "bf16", "keep_fp32": "node0"}, "list of patterns"),
                               ({"precision": "bf16", "half_io": ["z"]}, "'z' matches no input or output"),
                               ({"half_io": ["y"]}, "half-io 'y' needs the precision bf16 or fp16, found fp32"),
                               ({"precision": "bf16", "half_io": [5]}, "half_io has 5, expected patterns as texts"),
                               ({"precision": "bf16", "keep_fp32": 5}, "keep_fp32 is 5, expected a list of patterns"),
                               ({"precision": "bf16", "half_io": "y"}, "list of patterns")):
            with self.assertRaises(tenon.UsageError, msg=str(options)) as caught:
                tenon.compile(model, **options)
            self.assertIn(words, str(caught.exception))
        with self.assertRaisesRegex(tenon.UnsupportedError, "avx512fp16"):
            tenon.compile(model, precision="fp16", target="x86-64-v4")

    def test_kernels(self):
        model = tenon.compile(models.scale(), provider="codegen")
        self.assertEqual((model.devices, model.device_problem), (("cpu",), ""))
        self.assertTrue(model.kernels)
        for kernel in model.kernels:
            self.assertEqual((kernel.provider, kernel.on_device), ("codegen", False))
            self.assertTrue(kernel.name)
        self.assertEqual(model.session().notes, ())

    def test_wrong_arguments(self):
        for make in tenon.load, tenon.compile:
            with self.assertRaisesRegex(tenon.UsageError, "^expected a path, found ''$"):
                make("")
        for options, words in (({"shapes": 5}, "shapes is 5, expected a dictionary of inputs to dimensions"),
                               ({"shapes": {"x": 5}}, "the shape of 'x' is 5, expected a list of dimensions"),
                               ({"bindings": [1]}, "bindings is \\[1\\], expected a dictionary of inputs to values")):
            with self.assertRaisesRegex(tenon.UsageError, f"^{words}$"):
                tenon.compile(models.scale(), **options)
        for threads in (-1, 1.5, "2", None, 2**31):
            with self.assertRaisesRegex(ValueError, f"^threads is {threads!r}, expected 0 or a larger whole number$"):
                self.model.session(threads=threads)

    def test_errors(self):
        with self.assertRaises(tenon.UnsupportedError) as caught:
            tenon.compile(models.unsupported())
        self.assertEqual(caught.exception.code, 3)
        self.assertEqual(caught.exception.diagnostics, (
            tenon.Diagnostic("the operator is not supported", nodes=("first",), op="Frobnicate", domain="nowhere",
                             version=1, element_type="float32"),
            tenon.Diagnostic("the operator is not supported", nodes=("second",), op="Twist", domain="nowhere",
                             version=1)))
        for word in ("Frobnicate", "Twist", "first", "second"):
            self.assertIn(word, caught.exception.message)
        with self.assertRaises(tenon.InvalidError) as caught:
            tenon.compile(models.make([("Relu", ["x", "x"], ["y"])], [("x", [2])], [("y", [2])]))
        self.assertEqual(caught.exception.diagnostics, (
            tenon.Diagnostic("expected 1 inputs, found 2", nodes=("Relu_0",), op="Relu", domain="ai.onnx", version=14,
                             found="2", expected="1"),))
        with self.assertRaises(tenon.InvalidError) as caught:
            self.model(X[:, :2], BIAS)
        (finding,) = caught.exception.diagnostics
        self.assertEqual((finding.tensor, finding.found, finding.expected, finding.nodes), ("x", "2", "3", ()))
        self.assertEqual(finding.message, caught.exception.message)
        with self.assertRaises(tenon.InvalidError):
            tenon.compile(b"no model")
        with self.assertRaises(tenon.ResourceError):
            tenon.compile("absent.onnx")
        with self.assertRaises(tenon.UsageError) as caught:
            tenon.compile("null\0character.onnx")
        self.assertEqual(caught.exception.diagnostics, (tenon.Diagnostic(caught.exception.message),))
        self.assertTrue(issubclass(tenon.InvalidError, ValueError))

    def test_types(self):
        """Arrays of every type go in and come out."""
        for code, name in ((1, "float32"), (2, "uint8"), (3, "int8"), (4, "uint16"), (5, "int16"), (6, "int32"),
                           (7, "int64"), (9, "bool"), (10, "float16"), (11, "float64"), (12, "uint32"), (13, "uint64")):
            model = tenon.compile(models.one("Identity", code))
            x = np.array([1, 0, 1], name)
            y = model(x)["y"]
            self.assertEqual(y.dtype, np.dtype(name))
            np.testing.assert_array_equal(y, x)
        model = tenon.compile(models.one("Identity", 16))
        self.assertEqual(model.inputs[0].type, "tensor(bfloat16)")
        bits = np.array([0x3F80, 0x4000, 0xC000], np.uint16)
        np.testing.assert_array_equal(model(bits)["y"].view(np.uint16), bits)
        # One byte an element, and the type's own name.
        for code, name, bits in ((17, "float8e4m3fn", "uint8"), (20, "float8e5m2fnuz", "uint8"), (21, "uint4", "uint8"),
                                 (22, "int4", "int8"), (23, "float4e2m1", "uint8"), (24, "float8e8m0", "uint8")):
            model = tenon.compile(models.one("Identity", code))
            self.assertEqual((model.inputs[0].type, model.outputs[0].type), (f"tensor({name})",) * 2)
            x = np.array([1, 0, 7], bits)
            np.testing.assert_array_equal(model(x)["y"].view(bits), x)
            with self.assertRaises(tenon.InvalidError):
                model(x.astype(np.float32))
            # Numbers are no bits.
            if "float" in name and model.inputs[0].dtype == bits:
                with self.assertRaisesRegex(tenon.InvalidError, "numbers need the package ml_dtypes"):
                    model([1, 0, 7])

    def test_scalars(self):
        model = tenon.compile(models.one("Neg", shape=()))
        for x in (np.float32(2), 2, 2.0, np.array(2, np.float32)):
            y = model(x)["y"]
            self.assertEqual((y.shape, float(y)), ((), -2.0))

    def test_missing_libraries(self):
        program = "import tenon\ntry: tenon.load('x.so')\nexcept tenon.ResourceError as e: print(e)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                              env=dict(os.environ, TENON_LIBRARY_DIR="/absent"))
        self.assertIn("TENON_LIBRARY_DIR", done.stdout, done.stderr)
        self.assertIn("/absent", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
