"""Makes a graph that fails smaller, as long as it fails in the same way."""

import re
import time
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set

import numpy as np
import onnx
from onnx import helper, numpy_helper

import servers
from cases import count_nodes
from graph import Case, Value, value_info
from runs import Arrays, Failure, OnnxRuntime, all_values


def alike(a: Failure, b: Failure) -> bool:
    return a.kind == b.kind and (a.kind == "differs" or words(a.text) == words(b.text))


def words(text: str) -> str:
    """A message without names and numbers."""
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "0", re.sub(r"'[^']*'", "''", text))


def copy(case: Case) -> Case:
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    return Case(model, dict(case.inputs), case.errors)


def names_read(nodes: Iterable[onnx.NodeProto]) -> Set[str]:
    """What nodes and the bodies in them read."""
    names: Set[str] = set()
    for node in nodes:
        names.update(node.input)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                names |= names_read(attribute.g.node) | {value.name for value in attribute.g.output}
    return names


def prune(case: Case) -> Case:
    """Removes what no output needs."""
    graph = case.model.graph
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= names_read([node])
    kept.reverse()
    for field, wanted in ((graph.node, kept), (graph.input, [v for v in graph.input if v.name in needed]),
                          (graph.initializer, [t for t in graph.initializer if t.name in needed])):
        wanted = list(wanted)
        del field[:]
        field.extend(wanted)
    case.inputs = {name: array for name, array in case.inputs.items() if name in needed}
    return case


def with_outputs(case: Case, names: Sequence[str]) -> Case:
    smaller = copy(case)
    kept = [value for value in smaller.model.graph.output if value.name in names]
    del smaller.model.graph.output[:]
    smaller.model.graph.output.extend(kept)
    return prune(smaller)


def cut(case: Case, places: Set[int], values: Arrays) -> Optional[Case]:
    """Makes inputs of what some nodes give. An output that such a node gives is none any more."""
    smaller = copy(case)
    graph = smaller.model.graph
    cut_nodes = [node for i, node in enumerate(graph.node) if i in places]
    given = {name for node in cut_nodes for name in node.output if name}
    outputs = [value for value in graph.output if value.name not in given]
    if not outputs or any(name not in values for name in given):
        return None
    kept = [node for i, node in enumerate(graph.node) if i not in places]
    read = names_read(kept)
    del graph.node[:], graph.output[:]
    graph.node.extend(kept)
    graph.output.extend(outputs)
    for name in sorted(given & read):
        array = values[name]
        graph.input.append(value_info(Value(name, array.dtype.name, array.shape, 0)))
        smaller.inputs[name] = array
    return prune(smaller)


def rename(nodes: Iterable[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = new
        for attribute in node.attribute:
            if attribute.HasField("g"):
                rename(attribute.g.node, old, new)


def bypasses(case: Case, values: Arrays) -> Iterator[Case]:
    """Graphs in which a node's readers read one of its inputs instead."""
    known = {**values, **case.inputs, **{t.name: numpy_helper.to_array(t) for t in case.model.graph.initializer}}
    outputs = {value.name for value in case.model.graph.output}
    for i, node in enumerate(case.model.graph.node):
        result = known.get(node.output[0])
        if len(node.output) != 1 or result is None or node.output[0] in outputs:
            continue
        for name in node.input:
            source = known.get(name)
            if source is None or source.shape != result.shape or source.dtype != result.dtype:
                continue
            smaller = copy(case)
            del smaller.model.graph.node[i]
            rename(smaller.model.graph.node, node.output[0], name)
            yield prune(smaller)
            break


def resize_tensor(array: np.ndarray, old: int, new: int) -> np.ndarray:
    """All dimensions of size `old` become `new`; a list of sizes gets the other number."""
    if array.dtype == np.int64 and array.ndim <= 1:
        array = np.where(array == old, new, array)
    return array[tuple(slice(new) if d == old else slice(None) for d in array.shape)]


def resized(case: Case) -> Iterator[Case]:
    """Graphs in which one size is smaller wherever it occurs."""
    sizes = {d for array in case.inputs.values() for d in array.shape}
    sizes |= {d for tensor in case.model.graph.initializer for d in tensor.dims}
    for old in sorted(sizes, reverse=True):
        for new in sorted({1, 2, 3, old // 2, old - 1}):
            if not 0 < new < old:
                continue
            smaller = copy(case)
            graph = smaller.model.graph
            smaller.inputs = {name: resize_tensor(a, old, new) for name, a in case.inputs.items()}
            tensors = [numpy_helper.from_array(resize_tensor(numpy_helper.to_array(t), old, new), t.name)
                       for t in graph.initializer]
            del graph.initializer[:]
            graph.initializer.extend(tensors)
            for value in graph.input:
                for dim in value.type.tensor_type.shape.dim:
                    if dim.HasField("dim_value") and dim.dim_value == old:
                        dim.dim_value = new
                    if dim.dim_param == f"S{old}":
                        # Sizes that were different get different names.
                        dim.dim_param = f"{value.name}_{dim.dim_param}"
            yield smaller


def plainer(case: Case) -> Iterator[Case]:
    """Graphs with fewer kinds of things: no name for a dimension, constants as initializers, inputs as constants."""
    graph = case.model.graph
    if any(dim.dim_param for value in graph.input for dim in value.type.tensor_type.shape.dim):
        smaller = copy(case)
        for value in smaller.model.graph.input:
            for dim, size in zip(value.type.tensor_type.shape.dim, case.inputs[value.name].shape):
                dim.dim_value = size
        yield smaller
    if any(node.op_type == "Constant" for node in graph.node):
        smaller = copy(case)
        kept = []
        for node in smaller.model.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                tensor = smaller.model.graph.initializer.add()
                tensor.CopyFrom(node.attribute[0].t)
                tensor.name = node.output[0]
            else:
                kept.append(node)
        del smaller.model.graph.node[:]
        smaller.model.graph.node.extend(kept)
        yield smaller


class Shrinker:
    """Tries smaller graphs by `fails`, which tells how a graph fails, if it does and ONNX Runtime takes it."""

    def __init__(self, runtime: OnnxRuntime, fails: Callable[[Case], Optional[Failure]], seconds: float) -> None:
        self.runtime = runtime
        self.fails = fails
        self.end = time.monotonic() + seconds

    def shrink(self, case: Case, failure: Failure) -> Case:
        self.case, self.failure = case, failure
        before = None
        while before != self.size() and time.monotonic() < self.end:
            before = self.size()
            self.fewer_outputs()
            self.fewer_nodes()
            for candidates in (lambda: bypasses(self.case, self.values()), lambda: resized(self.case),
                               lambda: plainer(self.case)):
                self.first_of(candidates)
        return self.case

    def size(self) -> tuple:
        arrays = sum(array.size for array in self.case.inputs.values())
        return count_nodes(self.case.model), len(self.case.model.graph.output), arrays

    def values(self) -> Arrays:
        try:
            return all_values(self.case, self.runtime)
        except servers.ServerError:
            return {}

    def accept(self, candidate: Optional[Case]) -> bool:
        if candidate is None or not candidate.model.graph.node or time.monotonic() > self.end:
            return False
        found = self.fails(candidate)
        if not found or not alike(found, self.failure):
            return False
        self.case = candidate
        return True

    def first_of(self, candidates: Callable[[], Iterator[Case]]) -> None:
        """Takes the first candidate that still fails, and looks for the next one."""
        while any(self.accept(candidate) for candidate in candidates()):
            pass

    def fewer_outputs(self) -> None:
        names = [value.name for value in self.case.model.graph.output]
        if len(names) > 1:
            for name in names:
                if self.accept(with_outputs(self.case, [name])):
                    return

    def fewer_nodes(self) -> None:
        """Cuts off nodes at the begin, and then any; more at once first. What ends the graph is tried as well: results of
        the nodes before it become outputs."""
        self.first_of(self.earlier_outputs)
        chunk = max(len(self.case.model.graph.node) // 2, 1)
        while True:
            start = 0
            while start < len(self.case.model.graph.node):
                places = set(range(start, min(start + chunk, len(self.case.model.graph.node))))
                if not self.accept(cut(self.case, places, self.values())):
                    start += chunk
            if chunk == 1:
                return
            chunk //= 2

    def earlier_outputs(self) -> Iterator[Case]:
        graph = self.case.model.graph
        if len(graph.output) != 1 or self.failure.kind == "differs" and not self.case.errors:
            return
        last = graph.node[-1]
        values = self.values()
        for name in names_read([last]):
            if name not in values or not any(name in node.output for node in graph.node[:-1]):
                continue
            smaller = copy(self.case)
            del smaller.model.graph.output[:]
            array = values[name]
            smaller.model.graph.output.append(value_info(Value(name, array.dtype.name, array.shape, 0), [None] * array.ndim))
            yield prune(smaller)
