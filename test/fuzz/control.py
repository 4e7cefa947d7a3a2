"""Nodes of random graphs that have bodies, and those that run over a sequence."""

from typing import List, Optional, Sequence, Tuple

import numpy as np
from onnx import helper

from graph import MOST_ELEMENTS, Graph, Value, value_info
from growth import grow
from pointwise import maker


def body_proto(body: Graph, inputs: Sequence[Value], outputs: Sequence[Value]) -> object:
    """The body's graph. An output is a value that a node of the body makes, each of them once."""
    own = {name for node in body.nodes for name in node.output}
    results: List[Value] = []
    for value in outputs:
        if value.name not in own or value in results:
            value = body.move("Identity", [value], value, value.shape)
        results.append(value)
    infos = [value_info(v, [None] * v.rank) for v in results]
    return helper.make_graph(body.nodes, body.name("body"), [value_info(v) for v in inputs], infos, body.initializers)


def decision(graph: Graph) -> Value:
    """A truth value: known, of the run, or computed."""
    kind = graph.rng.choice(["constant", "input", "input", "computed"])
    if kind != "computed":
        return graph.fresh("bool", [], constant=kind == "constant")
    x = graph.want(("float32", "int64"), (1, 4), lambda v: v.is_exact and v.dtype in ("float32", "int64") and v.whole
                   and v.bound * v.size < 2**20)
    if not x.is_exact or not x.size or not x.whole:
        return graph.fresh("bool", [])
    attributes = {"keepdims": 0}
    total = graph.compute("ReduceSum", [x], [], x.bound * x.size, whole=True, **attributes)
    return graph.compute("Greater", [total, graph.constant(0, x.dtype)], [], 1, dtype="bool")


@maker(2)
def if_(graph: Graph) -> None:
    if graph.depth >= 2:
        return
    condition = decision(graph)
    then, other = Graph(graph.rng, graph.opset, graph), Graph(graph.rng, graph.opset, graph)
    grow(then, graph.rng.randint(1, 4))
    grow(other, graph.rng.randint(0, 3))
    results: List[Tuple[Value, Value]] = []
    for value in reversed(then.values):
        if not value.is_fit or len(results) == 2:
            continue
        twin = next((v for v in other.values if v.dtype == value.dtype and v.shape == value.shape and v.is_fit), None)
        if not twin:
            if value.dtype == "bool" or value.dtype not in ("float32", "int64", "int32"):
                continue
            made = graph.pick(lambda v: v.shape == value.shape, [value.dtype]) if graph.chance(0.5) else None
            twin = other.move("Neg", [made], made, made.shape, low=-made.bound) if made and value.dtype == "float32" else \
                other.fresh(value.dtype, value.shape)
        results.append((value, twin))
    if not results:
        return
    protos = {"then_branch": body_proto(then, [], [a for a, _ in results]),
              "else_branch": body_proto(other, [], [b for _, b in results])}
    graph.node("If", [condition], values=[
        Value("", a.dtype, a.shape, max(a.bound, b.bound), max(a.error, b.error), a.whole and b.whole, min(a.low, b.low))
        for a, b in results], **protos)


def carried_state(graph: Graph) -> Value:
    dtype = graph.rng.choice(["float32", "float32", "int64"])
    return graph.fresh(dtype, graph.shape(0, 3), low=-4, high=4)


def next_state(body: Graph, state: Value) -> Value:
    """The state of the next round. It is whole and bounded: nothing adds up from round to round."""
    fitting = body.pick(lambda v: v.whole and v.is_exact and v.bound < 1000 and broadcasts_to(v.shape, state.shape),
                        [state.dtype])
    step = fitting if fitting and body.chance(0.8) else body.constant(body.data(state.dtype, [], -3, 3))
    moved = body.compute(body.rng.choice(["Add", "Sub"]), [state, step], state.shape, 64 + step.bound, whole=True)
    if state.is_float:
        return body.move("Clip", [moved, body.constant(-64, state.dtype), body.constant(64, state.dtype)],
                         Value("", state.dtype, state.shape, 64, 0, True), state.shape)
    if body.opset < 12:
        return body.compute("Mod", [moved, body.constant(64, state.dtype)], state.shape, 64)
    low = body.compute("Max", [moved, body.constant(-64, state.dtype)], state.shape, 64)
    return body.compute("Min", [low, body.constant(64, state.dtype)], state.shape, 64)


def broadcasts_to(shape: Sequence[int], target: Sequence[int]) -> bool:
    try:
        return np.broadcast_shapes(tuple(shape), tuple(target)) == tuple(target)
    except ValueError:
        return False


def body_argument(body: Graph, dtype: str, shape: Sequence[int], bound: float, error: float = 0.0) -> Value:
    value = Value(body.name("a"), dtype, shape, bound, error, error == 0)
    body.values.append(value)
    body.root.used[value.name] = 1
    return value


def collected(body: Graph, arguments: Sequence[Value], most: int) -> Optional[Value]:
    """A value of a body to be collected over all rounds."""
    made = [v for v in body.values if v.is_fit and v.size * most <= MOST_ELEMENTS and v.dtype in
            ("float32", "int64", "int32", "bool") and v not in arguments and v.size]
    return body.rng.choice(made) if made else None


@maker(1.5)
def loop(graph: Graph) -> None:
    if graph.depth >= 1:
        return
    rounds = graph.rng.randint(0, 5)
    trips = graph.fresh("int64", [], low=rounds, high=rounds)
    states = [carried_state(graph) for _ in range(graph.rng.randint(1, 2))]
    body = Graph(graph.rng, graph.opset, graph)
    arguments = [body_argument(body, "int64", [], rounds), body_argument(body, "bool", [], 1)]
    carried = [body_argument(body, s.dtype, s.shape, 64) for s in states]
    grow(body, graph.rng.randint(1, 4))
    following = [next_state(body, s) for s in carried]
    if graph.chance(0.3):
        last = graph.rng.randint(0, rounds)
        goes_on = body.compute("Less", [arguments[0], body.constant(np.int64(last))], [], 1, dtype="bool")
        rounds = min(rounds, last + 1)
    else:
        goes_on = arguments[1]
    found = collected(body, arguments, rounds) if graph.chance(0.7) else None
    if found and not rounds and found.rank:
        found = None  # of what no round makes, ONNX Runtime takes sizes that it has not inferred to be 0
    outputs = [goes_on] + following + ([found] if found else [])
    proto = body_proto(body, arguments + carried, outputs)
    results = [Value("", s.dtype, s.shape, 64, 0, True) for s in states]
    if found:
        results.append(Value("", found.dtype, [rounds, *found.shape], found.bound, found.error, found.whole, found.low))
    first = graph.constant(np.bool_(True)) if graph.chance(0.7) else None
    made = graph.node("Loop", [trips, first, *states], values=results, body=proto)
    if found and not rounds:
        graph.values.remove(made[-1])  # it has no elements, which few operators can do with
        graph.ends.append(made[-1])


@maker(1)
def scan(graph: Graph) -> None:
    if graph.depth >= 1:
        return
    x = graph.want(("float32", "int64"), (2, 4), lambda v: 0 < v.shape[0] <= 8 and v.dtype in ("float32", "int64"))
    if x.rank < 2 or not 0 < x.shape[0] <= 8:
        return
    state = carried_state(graph)
    body = Graph(graph.rng, graph.opset, graph)
    carried = body_argument(body, state.dtype, state.shape, 64)
    part = Value(body.name("a"), x.dtype, x.shape[1:], x.bound, x.error, x.whole, x.low)
    body.values.append(part)
    grow(body, graph.rng.randint(1, 3))
    following = next_state(body, carried)
    found = collected(body, [carried, part], x.shape[0]) or part
    proto = body_proto(body, [carried, part], [following, found])
    graph.node("Scan", [state, x], num_scan_inputs=1, body=proto, values=[
        Value("", state.dtype, state.shape, 64, 0, True),
        Value("", found.dtype, [x.shape[0], *found.shape], found.bound, found.error, found.whole, found.low)])


@maker(1.5)
def recurrent(graph: Graph) -> None:
    name, gates = graph.rng.choice([("LSTM", 4), ("LSTM", 4), ("GRU", 3), ("RNN", 1)])
    x = graph.want(("float32",), (3, 3), lambda v: v.bound < 20)
    if x.rank != 3 or x.bound >= 20 or not x.size:
        return
    length, batch, size = x.shape
    hidden = graph.rng.choice([1, 2, 3, 4, 8])
    direction, count = graph.rng.choice([("forward", 1), ("forward", 1), ("reverse", 1), ("bidirectional", 2)])
    if length * count * batch * hidden > MOST_ELEMENTS:
        return
    state = np.random.RandomState(graph.rng.getrandbits(32))

    def weights(*shape: int) -> Value:
        return graph.constant(state.uniform(-0.4, 0.4, shape).astype(np.float32))

    inputs: List[Optional[Value]] = [x, weights(count, gates * hidden, size), weights(count, gates * hidden, hidden)]
    inputs.append(weights(count, 2 * gates * hidden) if graph.chance(0.7) else None)
    inputs.append(None)
    if graph.chance(0.5):
        inputs.append(graph.input(state.uniform(-1, 1, (count, batch, hidden)).astype(np.float32)))
        if name == "LSTM":
            inputs.append(graph.input(state.uniform(-1, 1, (count, batch, hidden)).astype(np.float32)))
    # Each step adds what it rounds, and what the input's error comes to.
    error = length * (0.4 * size * x.error + 1e-5)
    results = [Value("", "float32", [length, count, batch, hidden], 1, error),
               Value("", "float32", [count, batch, hidden], 1, error)]
    if name == "LSTM":
        results.append(Value("", "float32", [count, batch, hidden], length + 1, error))
    attributes = {"linear_before_reset": graph.rng.randint(0, 1)} if name == "GRU" else {}
    graph.node(name, inputs, values=results, hidden_size=hidden, direction=direction, **attributes)
