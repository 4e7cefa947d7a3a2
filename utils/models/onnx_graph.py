"""Writes an ONNX graph node by node, with the names and scopes that exporters give, and seeded weights."""

import contextlib
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from seeded import uniform

FLOAT = TensorProto.FLOAT
INT64 = TensorProto.INT64


class Graph:
    """A model under construction. Values are the names of tensors."""

    def __init__(self, name, opset):
        self.name = name
        self.opset = opset
        self.nodes = []
        self.inputs = []
        self.outputs = []
        self.initializers = {}
        self.scopes = []
        self.used_names = set()

    # Borders

    def input(self, name, dims, element_type=FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, element_type, dims))
        return name

    def output(self, value, name, dims, element_type=FLOAT):
        """Makes `value` a graph output called `name`: the last node that wrote it is renamed."""
        for node in self.nodes:
            for operands in (node.input, node.output):
                for i, operand in enumerate(operands):
                    if operand == value:
                        operands[i] = name
        self.outputs.append(helper.make_tensor_value_info(name, element_type, dims))

    # Nodes

    @contextlib.contextmanager
    def scope(self, *names):
        """Nodes made within get `/name/…` in front, as exporters write the modules they come from."""
        self.scopes += names
        yield
        del self.scopes[-len(names) :]

    def unique(self, name):
        candidate, number = name, 0
        while candidate in self.used_names:
            number += 1
            candidate = f"{name}_{number}"
        self.used_names.add(candidate)
        return candidate

    def path(self, name):
        return "/" + "/".join(self.scopes + [name])

    def parameter_path(self, name):
        return ".".join(self.scopes + [name])

    def node(self, op, *inputs, outputs=1, **attributes):
        """Adds a node and gives its output's name, or a list of names if it has several."""
        name = self.unique(self.path(op))
        results = [f"{name}_output_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), results, name=name, **attributes))
        return results[0] if outputs == 1 else results

    def constant(self, value, dtype=None):
        """A Constant node, as exporters write numbers that stand in the model's source."""
        array = np.array(value, dtype=dtype)
        if dtype is None and array.dtype == np.float64:
            array = array.astype(np.float32)
        name = self.unique(self.path("Constant"))
        tensor = numpy_helper.from_array(array)
        self.nodes.append(helper.make_node("Constant", [], [f"{name}_output_0"], name=name, value=tensor))
        return f"{name}_output_0"

    def weight(self, name, array):
        """An initializer."""
        if name not in self.initializers:
            array = np.ascontiguousarray(array)
            self.initializers[name] = helper.make_tensor(
                name, onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[array.dtype], array.shape, array.tobytes(), raw=True)
        return name

    def random_weight(self, name, shape, std, mean=0.0):
        """An initializer of seeded numbers, called after the scope and `name`."""
        path = self.parameter_path(name)
        return self.weight(path, uniform(f"{self.name}/{path}", shape, std, mean))

    # The whole

    def model(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, list(self.initializers.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                 producer_name="tenon-sample-models", ir_version=8 if self.opset > 15 else 7)

    def save(self, path, external_data=False):
        """Writes and checks the model, with its weights in `path`.data beside it if `external_data`."""
        model = self.model()
        if external_data:
            data = path + ".data"
            if os.path.exists(data):
                os.remove(data)
            onnx.save_model(model, path, save_as_external_data=True, location=os.path.basename(data),
                            size_threshold=1024)
        else:
            onnx.save_model(model, path)
        onnx.checker.check_model(path)
