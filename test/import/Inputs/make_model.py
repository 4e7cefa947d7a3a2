"""Writes the ONNX models of a test file.

    make_model.py TEST FOLDER

A test file holds models in ONNX's textual form, each after a line

    //--- NAME [opset=N] [ir=N]

(opset 17 and IR version 8 if it doesn't say). Lines that start with `//!` are Python that changes the model before it
is written to FOLDER/NAME.onnx; `model`, `graph`, `helper`, `onnx`, `np` and `folder` are at hand. With `raw` in the
head, the code gives the bytes of the file as `data`. Other comments end a model.

Types may also be `seq(float[N])`, `optional(float[N])` and `optional(seq(float[N]))`, which the parser of onnx does not
know yet; a value has such a type wherever it is declared.
"""

import os
import re
import sys

import numpy as np
import onnx
import onnx.numpy_helper
from onnx import helper, parser


def wrap_types(graph, wrappers):
    """Makes sequences and optionals of the declared tensors that are named so."""
    for value in [*graph.input, *graph.output, *graph.value_info]:
        for word in wrappers.get(value.name, []):
            make = helper.make_sequence_type_proto if word == "seq" else helper.make_optional_type_proto
            value.type.CopyFrom(make(value.type))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                wrap_types(attribute.g, wrappers)


def parse(text):
    """A model of its text."""
    wrappers = {}

    def unwrap(match):
        wrappers[match.group(3)] = re.findall(r"\w+", match.group(1))[::-1]
        return f"{match.group(2)} {match.group(3)}"

    model = parser.parse_model(re.sub(r"((?:(?:seq|optional)\()+)(\w+(?:\[[^\]]*\])?)\)+ (\w+)", unwrap, text))
    wrap_types(model.graph, wrappers)
    return model


def write(name, options, lines, code, folder):
    settings = dict(option.split("=") for option in options if "=" in option)
    scope = {"helper": helper, "onnx": onnx, "np": np, "folder": folder, "os": os}
    if "raw" not in options:
        text = f'<ir_version: {settings.get("ir", 8)}, opset_import: ["" : {settings.get("opset", 17)}]>\n'
        model = parse(text + "\n".join(lines))
        scope.update(model=model, graph=model.graph)
    exec("\n".join(code), scope)
    data = scope["data"] if "data" in scope else scope["model"].SerializeToString()
    with open(os.path.join(folder, name + ".onnx"), "wb") as file:
        file.write(data)


def main():
    test, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    name, options, lines, code = None, [], [], []
    with open(test) as file:
        for line in list(file) + ["//--- \n"]:
            head = re.match(r"//--- ?(\S*) *(.*)", line)
            if head:
                if name:
                    write(name, options, lines, code, folder)
                name, options, lines, code = head.group(1), head.group(2).split(), [], []
            elif line.startswith("//!"):
                code.append(line[3:].removeprefix(" ").rstrip("\n"))
            elif not line.startswith("//"):
                lines.append(line.rstrip("\n"))


if __name__ == "__main__":
    main()
