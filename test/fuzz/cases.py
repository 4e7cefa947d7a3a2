"""Random graphs in files. In one file alone, the data of inputs stands as their default values."""

import json
import os
from typing import Dict, List

import numpy as np
import onnx
from google.protobuf import text_format
from onnx import numpy_helper

from graph import Case

ERRORS, CONFIGURATIONS = "errors", "configurations"


def pack(case: Case) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in case.inputs.items())
    outputs = {value.name for value in model.graph.output}
    properties = {ERRORS: json.dumps({n: e for n, e in case.errors.items() if n in outputs and e})}
    if case.configurations:
        properties[CONFIGURATIONS] = " ".join(case.configurations)
    onnx.helper.set_model_props(model, properties)
    return model


def unpack(packed: onnx.ModelProto) -> Case:
    model = onnx.ModelProto()
    model.CopyFrom(packed)
    names = {value.name for value in model.graph.input}
    inputs = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name in names}
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in names]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    del model.metadata_props[:]
    return Case(model, {value.name: inputs[value.name] for value in model.graph.input},
                json.loads(properties.get(ERRORS, "{}")), properties.get(CONFIGURATIONS, "").split())


def save(case: Case, path: str) -> None:
    """As text, to be kept with the sources, where `path` ends in .textproto."""
    if not path.endswith(".textproto"):
        onnx.save(pack(case), path)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text_format.MessageToString(pack(case)))


def load(path: str) -> Case:
    if not path.endswith(".textproto"):
        return unpack(onnx.load(path))
    with open(path, encoding="utf-8") as file:
        return unpack(text_format.Parse(file.read(), onnx.ModelProto()))


def save_for_people(case: Case, expected: Dict[str, np.ndarray], folder: str) -> List[str]:
    """The model, its inputs and results as tenon-run takes them; gives tenon-run's arguments."""
    os.makedirs(folder, exist_ok=True)
    save(case, os.path.join(folder, "case.textproto"))
    onnx.save(case.model, os.path.join(folder, "model.onnx"))
    words = [os.path.join(folder, "model.onnx")]
    for kind, arrays in (("input", case.inputs), ("expect", expected)):
        for i, (name, array) in enumerate(arrays.items()):
            path = os.path.join(folder, f"{kind}_{i}.npy")
            np.save(path, array)
            words += [f"--{kind}", f"{name}={path}"]
    return words


def count_nodes(model: onnx.ModelProto) -> int:
    def of(graph: onnx.GraphProto) -> int:
        return sum(1 + sum(of(a.g) for a in node.attribute if a.HasField("g")) for node in graph.node)
    return of(model.graph)
