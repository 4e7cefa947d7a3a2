"""Tests the calls that are ONNX Runtime's."""

import os
import tempfile
import threading
import unittest

import numpy as np

import models
import tenon

FEED = {"x": np.ones((2, 3), np.float32), "bias.1": np.zeros(3, np.float32)}


class InferenceSessionTest(unittest.TestCase):
    def check(self, session):
        self.assertEqual([(i.name, i.shape, i.type) for i in session.get_inputs()],
                         [("x", ("N", 3), "tensor(float)"), ("bias.1", (3,), "tensor(float)")])
        self.assertEqual([o.name for o in session.get_outputs()], ["y", "sum"])
        for results in (session.run(None, FEED), session.run([], FEED), session.run(["y", "sum"], FEED)):
            self.assertEqual([a.shape for a in results], [(2, 3), (2,)])
            np.testing.assert_allclose(results[1], [6, 6])
        (total,) = session.run(["sum"], FEED)
        np.testing.assert_allclose(total, [6, 6])
        with self.assertRaises(tenon.UsageError):
            session.run(["z"], FEED)
        with self.assertRaises(tenon.InvalidError):
            session.run(None, {"x": FEED["x"]})

    def test_sources(self):
        data = models.scale().SerializeToString()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            with open(path, "wb") as file:
                file.write(data)
            self.check(tenon.InferenceSession(path))
            model = tenon.compile(path)
            compiled = os.path.join(folder, "model.so")
            model.save(compiled)
            self.check(tenon.InferenceSession(compiled))
            self.check(tenon.InferenceSession(model))
        self.check(tenon.InferenceSession(data))

    def test_options(self):
        options = tenon.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        session = tenon.InferenceSession(models.scale().SerializeToString(), options,
                                         providers=[("codegen", {}), "CPUExecutionProvider"])
        self.check(session)
        self.assertEqual(session.session.threads, 1)
        self.assertEqual({entry.provider for entry in session.session.profile()}, {"codegen"})
        self.check(tenon.InferenceSession(models.scale().SerializeToString(), providers=["CPUExecutionProvider"]))

    def test_providers(self):
        """Several are a choice for each kernel, as for tenon.compile."""
        data = models.scale().SerializeToString()
        self.check(tenon.InferenceSession(data, providers=["onednn", "codegen"]))
        self.check(tenon.InferenceSession(tenon.compile(data, provider="onednn,codegen")))
        with self.assertRaisesRegex(tenon.UsageError, "unknown provider 'nobody'"):
            tenon.InferenceSession(data, providers=["codegen", "nobody"])

    def test_threads(self):
        """Several threads run at once, each in a session of its own."""
        session = tenon.InferenceSession(models.scale().SerializeToString())
        begin = threading.Barrier(4)
        used, problems = set(), []

        def work():
            try:
                begin.wait()
                for _ in range(50):
                    self.check(session)
                used.add(session.session)
            except Exception as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        self.assertEqual(len(used), 4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
