"""Tests the ONNX backend, by itself and under ONNX's own runner."""

import unittest

import numpy as np
import onnx.backend.test
from onnx import TensorProto, helper

import models
import tenon
import tenon.backend

if "object" not in vars(np):
    np.object = object  # ONNX's runner of this version needs it, NumPy of this version has it no more


class BackendTest(unittest.TestCase):
    def test_model(self):
        x, bias = np.ones((2, 3), np.float32), np.zeros(3, np.float32)
        for inputs in ([x, bias], (x, bias), {"x": x, "bias.1": bias}):
            outputs = tenon.backend.run_model(models.scale(), inputs)
            self.assertEqual(len(outputs), 2)
            np.testing.assert_allclose(outputs.y, x * [1, 2, 3])
            np.testing.assert_allclose(outputs["sum"], [6, 6])
        prepared = tenon.backend.prepare(models.one("Neg"), provider="codegen")
        np.testing.assert_allclose(prepared.run(bias + 1)[0], [-1, -1, -1])

    def test_node(self):
        x = np.array([[-1, 2]], np.float32)
        (y,) = tenon.backend.run_node(helper.make_node("Relu", ["x"], ["y"]), [x])
        np.testing.assert_array_equal(y, [[0, 2]])
        (y,) = tenon.backend.run_node(helper.make_node("Clip", ["x", "", "high"], ["y"]), [x, np.float32(1)])
        np.testing.assert_array_equal(y, [[-1, 1]])
        (y,) = tenon.backend.run_node(helper.make_node("Shape", ["x"], ["y"]), {"x": x},
                                      outputs_info=[(np.int64, (2,))], opset_version=13)
        np.testing.assert_array_equal(y, [1, 2])

    def test_devices(self):
        self.assertTrue(tenon.backend.supports_device("CPU"))
        self.assertTrue(tenon.backend.supports_device("CPU:0"))
        for device in ("CUDA", "CUDA:1", "TPU", "CPU:x"):
            self.assertFalse(tenon.backend.supports_device(device))
        with self.assertRaises(tenon.UnsupportedError):
            tenon.backend.prepare(models.scale(), "CUDA")

    def test_compatible(self):
        self.assertTrue(tenon.backend.is_compatible(models.scale()))
        self.assertFalse(tenon.backend.is_compatible(models.unsupported()))
        self.assertFalse(tenon.backend.is_compatible(models.scale(), "CUDA"))

    def test_bfloat16(self):
        """Goes in as float32 or as bits, comes out as bits."""
        prepared = tenon.backend.prepare(models.one("Identity", TensorProto.BFLOAT16))
        # To the nearest, ties to even.
        values = np.array([1, -2, 1 + 2**-8, 1 + 3 * 2**-8, np.inf, np.nan], np.float32)
        bits = np.array([0x3F80, 0xC000, 0x3F80, 0x3F82, 0x7F80, 0x7FC0], np.uint16)
        np.testing.assert_array_equal(prepared.run([values])[0], bits)
        np.testing.assert_array_equal(prepared.run([bits])[0], bits)


# ONNX's runner, unchanged, with some of its tests.
runner = onnx.backend.test.BackendTest(tenon.backend, __name__)
runner.include(r"^test_(add|relu|matmul_\dd|softmax_axis_\d|concat_\dd_axis_\d)_cpu$")
NodeTest = runner.test_cases["OnnxBackendNodeModelTest"]

if __name__ == "__main__":
    unittest.main(argv=["test_backend.py", "-q"])
