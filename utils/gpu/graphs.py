"""Writes the graph of a sample model for network.py: nodes as JSON, large weights as seeds, all other arrays as such."""

import json
import os

import numpy as np
import onnx
from onnx import helper, numpy_helper

import seeds


def plain(value):
    """An attribute's value in JSON."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value).reshape(-1)[0].item()
    return value.decode() if isinstance(value, bytes) else value


def write_graph(onnx_path, name, target):
    """Writes TARGET.json and TARGET.npz."""
    graph = onnx.load(onnx_path).graph
    folder = os.path.dirname(onnx_path)
    nodes, arrays, content = [], {}, {"seeded": {}, "arrays": {}, "constants": {}}

    def keep(kind, tensor_name, array):
        content[kind][tensor_name] = f"a{len(arrays)}"
        arrays[f"a{len(arrays)}"] = array

    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor, folder)
        if array.dtype == np.float32 and array.nbytes >= seeds.LEAST:
            weight = seeds.Weight(f"{name}/{tensor.name}", array)
            if weight.is_exact:
                content["seeded"][tensor.name] = {"seed": weight.seed, "shape": weight.shape, "step": weight.step}
                continue
        keep("arrays", tensor.name, array)
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant":
            keep("constants", node.output[0], numpy_helper.to_array(attributes["value"]))
            continue
        nodes.append({"op": node.op_type, "inputs": list(node.input), "outputs": list(node.output),
                      "attributes": {key: plain(value) for key, value in attributes.items()}})
    weights = {tensor.name for tensor in graph.initializer}
    content.update(inputs=[value.name for value in graph.input if value.name not in weights],
                   outputs=[value.name for value in graph.output], nodes=nodes)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target + ".json", "w", encoding="utf-8") as file:
        json.dump(content, file)
    np.savez(target + ".npz", **arrays)
