"""Writes a small ONNX model, y = relu(x * weights + bias), for the tests of the interfaces.

usage: make_model.py FILE
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

weights = np.arange(24, dtype=np.float32).reshape(4, 6) / 8 - 1.5
bias = np.full(6, 0.5, np.float32)
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "weights"], ["product"], name="product"),
     helper.make_node("Add", ["product", "bias"], ["sum"], name="sum"),
     helper.make_node("Relu", ["sum"], ["y"], name="relu")],
    "small",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 6])],
    [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), sys.argv[1])
print(f"sum for ones in 4 rows: {4 * np.maximum(weights.sum(0) + bias, 0).sum():g}")
