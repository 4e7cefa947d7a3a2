"""Small models for the tests of the Python package."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def make(nodes, inputs, outputs, constants=(), opset=17):
    """A model; inputs and outputs are pairs of a name and a shape, or triples with a type."""
    def value(name, shape, dtype=FLOAT):
        return helper.make_tensor_value_info(name, dtype, shape)

    graph = helper.make_graph([helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
                              "graph", [value(*i) for i in inputs], [value(*o) for o in outputs],
                              [numpy_helper.from_array(array, name) for name, array in constants])
    return helper.make_model(graph, opset_imports=[helper.make_operatorsetid("", opset)], ir_version=8)


def scale():
    """y = x * w + bias, and its sum along the last axis; N is dynamic."""
    w = np.array([1, 2, 3], np.float32)
    return make([("Mul", ["x", "w"], ["p"]), ("Add", ["p", "bias.1"], ["y"]),
                 ("ReduceSum", ["y", "axes"], ["sum"], {"keepdims": 0})],
                [("x", ["N", 3]), ("bias.1", [3])], [("y", ["N", 3]), ("sum", ["N"])],
                [("w", w), ("axes", np.array([1], np.int64))])


def network():
    """A convolution, an average over the picture, a matrix product and a softmax; batch, height and width are dynamic."""
    random = np.random.default_rng(5)
    conv = random.standard_normal((16, 3, 3, 3), np.float32)
    w = random.standard_normal((16, 24), np.float32)
    return make([("Conv", ["x", "conv"], ["c"], {"strides": [2, 2], "pads": [1, 1, 1, 1]}), ("Relu", ["c"], ["r"]),
                 ("GlobalAveragePool", ["r"], ["p"]), ("Flatten", ["p"], ["f"]), ("MatMul", ["f", "w"], ["m"]),
                 ("Softmax", ["m"], ["y"])],
                [("x", ["N", 3, "H", "W"])], [("y", ["N", 24])], [("conv", conv), ("w", w)])


def positions():
    """Rows of a table by their number are added to those of x, and divided by how many there are; N is dynamic."""
    table = np.random.default_rng(7).standard_normal((8, 3), np.float32)
    return make([("Shape", ["x"], ["s"], {"end": 1}), ("Squeeze", ["s"], ["n"]), ("Range", ["zero", "n", "one"], ["p"]),
                 ("Gather", ["table", "p"], ["rows"]), ("Add", ["x", "rows"], ["a"]),
                 ("Cast", ["n"], ["count"], {"to": FLOAT}), ("Div", ["a", "count"], ["y"])],
                [("x", ["N", 3])], [("y", ["N", 3])],
                [("zero", np.int64(0)), ("one", np.int64(1)), ("table", table)])


def one(op, dtype=FLOAT, shape=("N",), **attributes):
    """A model of one node with one input x and one output y of the same type."""
    return make([(op, ["x"], ["y"], attributes)], [("x", list(shape), dtype)], [("y", list(shape), dtype)])


def nonzero():
    """The indices of the elements that are not 0, of which only a run can tell how many there are."""
    return make([("NonZero", ["x"], ["y"])], [("x", ["N", 3])], [("y", [2, "K"], TensorProto.INT64)])


def unsupported():
    """Two nodes of operators that no version of Tenon has."""
    return onnx.helper.make_model(
        helper.make_graph([helper.make_node("Frobnicate", ["x"], ["t"], "first", domain="nowhere"),
                           helper.make_node("Twist", ["t"], ["y"], "second", domain="nowhere")], "graph",
                          [helper.make_tensor_value_info("x", FLOAT, [3])],
                          [helper.make_tensor_value_info("y", FLOAT, [3])]),
        opset_imports=[helper.make_operatorsetid("", 17), helper.make_operatorsetid("nowhere", 1)])
