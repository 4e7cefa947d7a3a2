"""Arrays in a GPU's memory, with a driver that has no GPU; see test/unit/runtime/FakeCuda.h."""

import ctypes
import os
import sys
import unittest
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_long, c_uint8, c_uint16, c_uint64, c_void_p, py_object

import numpy as np

FAKE = sys.argv.pop()
os.environ["TENON_CUDA_DRIVER"] = FAKE
os.environ["FAKE_CUDA_TRANSLATOR"] = os.path.join(os.path.dirname(__file__), "../../utils/emulate_ptx")

import models  # noqa: E402
import tenon  # noqa: E402

fake = ctypes.CDLL(FAKE)
fake.fakeCudaAllocate.restype = c_uint64
fake.fakeCudaAllocate.argtypes = [c_uint64]
fake.fakeCudaFree.argtypes = [c_uint64]
fake.fakeCudaWrite.argtypes = [c_uint64, c_void_p, c_uint64]
fake.fakeCudaRead.argtypes = [c_void_p, c_uint64, c_uint64]
fake.fakeCudaCountCalls.restype = c_long
fake.fakeCudaCountCalls.argtypes = [c_char_p]

new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = py_object
new_capsule.argtypes = [c_void_p, c_char_p, c_void_p]


class ManagedTensor(Structure):
    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32), ("ndim", c_int32),
                ("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16), ("shape", POINTER(c_int64)),
                ("strides", POINTER(c_int64)), ("byte_offset", c_uint64), ("context", c_void_p), ("deleter", c_void_p)]


class DeviceArray:
    """What another package has in the GPU's memory."""

    def __init__(self, array, device=0, strides=None):
        self.array = np.ascontiguousarray(array)
        self.device, self.strides = device, strides
        self.address = fake.fakeCudaAllocate(self.array.nbytes)
        fake.fakeCudaWrite(self.address, self.array.ctypes.data, self.array.nbytes)

    def __del__(self):
        fake.fakeCudaFree(self.address)

    def read(self):
        array = np.empty_like(self.array)
        fake.fakeCudaRead(array.ctypes.data, self.address, array.nbytes)
        return array

    def __dlpack_device__(self):
        return 2, self.device

    def __dlpack__(self, stream=None):
        assert stream == 1
        dims = self.array.shape
        code = {"i": 0, "u": 1, "f": 2}[self.array.dtype.kind]
        strides = (c_int64 * len(dims))(*self.strides) if self.strides else None
        # The array starts somewhere in its memory.
        self.tensor = ManagedTensor(self.address - 64, 2, self.device, len(dims), code, 8 * self.array.itemsize, 1,
                                    (c_int64 * len(dims))(*dims), strides, 64, None, None)
        return new_capsule(ctypes.addressof(self.tensor), b"dltensor", None)


class DeviceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = tenon.compile(models.scale(), target="cuda:sm_90")
        cls.host = tenon.compile(models.scale())
        cls.x = np.arange(12, dtype=np.float32).reshape(4, 3)
        cls.bias = np.float32([1, 2, 3])
        cls.expected = cls.host(cls.x, cls.bias)

    def test_inputs_and_outputs(self):
        session = self.model.session()
        for _ in range(3):
            y = DeviceArray(np.zeros_like(self.x))
            results = session.run({"x": DeviceArray(self.x), "bias.1": self.bias}, {"y": y, "sum": None})
            self.assertIs(results["y"], y)
            np.testing.assert_allclose(y.read(), self.expected["y"])
            np.testing.assert_allclose(results["sum"], self.expected["sum"])
        self.assertTrue(session.was_replayed)
        results = session.run({"x": self.x, "bias.1": self.bias}, {"sum": None})
        np.testing.assert_allclose(results["sum"], self.expected["sum"])
        # And again in the host's memory.
        np.testing.assert_allclose(session(self.x, self.bias)["y"], self.expected["y"])

    def test_no_copies(self):
        """Kernels use what is on the GPU where it is, in a run that is no graph, too."""
        session, x, y = self.model.session(), DeviceArray(self.x), DeviceArray(np.zeros_like(self.x))
        copies = fake.fakeCudaCountCalls(b"cuMemcpyDtoDAsync_v2")
        for run in range(3):
            session.run({"x": x, "bias.1": self.bias}, {"y": y, "sum": None})
            self.assertEqual(fake.fakeCudaCountCalls(b"cuMemcpyDtoDAsync_v2"), copies)
            self.assertEqual(session.was_replayed, run > 0)
        np.testing.assert_allclose(y.read(), self.expected["y"])
        # Other memory is copied when it first comes, which shows that copies are counted.
        session.run({"x": DeviceArray(self.x), "bias.1": self.bias}, {"y": y, "sum": None})
        self.assertGreater(fake.fakeCudaCountCalls(b"cuMemcpyDtoDAsync_v2"), copies)

    def test_sizes_in_graphs(self):
        """Sizes that kernels compute with are those of the shape that a graph was recorded for."""
        model = models.positions()
        session, host = tenon.compile(model, target="cuda:sm_90").session(), tenon.compile(model)
        for n in [3, 5, 3]:
            x = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
            for _ in range(3):
                np.testing.assert_allclose(session(x)["y"], host(x)["y"], rtol=1e-6)
            self.assertTrue(session.was_replayed)

    def test_strides(self):
        session = self.model.session()
        results = session.run({"x": DeviceArray(self.x, strides=(3, 1)), "bias.1": self.bias})
        np.testing.assert_allclose(results["y"], self.expected["y"])
        with self.assertRaisesRegex(tenon.UnsupportedError, "input 'x': the array in the GPU's memory is not contig"):
            session.run({"x": DeviceArray(self.x, strides=(1, 4)), "bias.1": self.bias})

    def test_wrong_device(self):
        with self.assertRaisesRegex(tenon.UnsupportedError, "input 'x' is in the memory of CUDA device 1, but this "
                                                            "model runs on device 0"):
            self.model(DeviceArray(self.x, device=1), self.bias)
        with self.assertRaisesRegex(tenon.UnsupportedError, "input 'x' is in the memory of a CUDA device, but this "
                                                            "model runs on the processor only"):
            self.host(DeviceArray(self.x), self.bias)

    def test_wrong_type(self):
        with self.assertRaisesRegex(tenon.InvalidError, "input 'x' has element type f64, expected f32"):
            self.model(DeviceArray(self.x.astype(np.float64)), self.bias)


if __name__ == "__main__":
    unittest.main()
