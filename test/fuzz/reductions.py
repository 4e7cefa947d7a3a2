"""Nodes of random graphs that reduce or normalise along axes."""

import math
from typing import Dict, Optional

import numpy as np

from graph import MOST_ELEMENTS, Graph, Value
from pointwise import maker


@maker(6)
def reduce(graph: Graph) -> None:
    name = graph.rng.choice(["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp", "LogSum"])
    x = graph.want(("float32", "int64", "int32", "float64") if name in ("Sum", "Max", "Min") else ("float32",), (1, 5))
    axes = sorted(graph.rng.sample(range(x.rank), graph.rng.randint(1, x.rank)))
    if graph.chance(0.1):
        axes = list(range(x.rank))
    count = math.prod(x.shape[a] for a in axes)
    if not x.size:
        return
    keep = graph.rng.randint(0, 1)
    shape = [1 if i in axes else d for i, d in enumerate(x.shape) if keep or i not in axes]
    b, e = x.bound, x.error
    whole = False
    if name in ("Sum", "L1"):
        bound, error, whole = count * b, count * e, True
    elif name == "Mean":
        bound, error = b, e
    elif name in ("Max", "Min"):
        bound, error = b, e
    elif name == "SumSquare":
        bound, error, whole = count * b * b, 2 * count * b * e, True
    elif name == "L2":
        # The root's slope has no bound at 0; the error is at most that of the length.
        bound, error = math.sqrt(count) * b, math.sqrt(count) * e
    elif name == "Prod":
        if b > 3 or count > 12:
            return
        bound, error, whole = max(b, 1) ** count, count * max(b, 1) ** (count - 1) * e, True
    elif name == "LogSumExp":
        bound, error = b + math.log(count), e
    else:
        if x.low < 0.1:
            return
        bound, error = max(abs(math.log(count * x.low)), math.log(count * b + 1)), e / (x.low)
    attributes: Dict[str, object] = {"keepdims": keep}
    values = [x]
    given = [graph.axis(x.rank, a) for a in axes]
    if len(axes) == x.rank and graph.chance(0.3):
        pass
    elif graph.opset >= (13 if name == "Sum" else 18):
        values.append(graph.ints(given))
    else:
        attributes["axes"] = given if graph.opset >= 11 else axes
    if name in ("Max", "Min"):
        graph.move("Reduce" + name, values, x, shape, **attributes)
    else:
        graph.compute("Reduce" + name, values, shape, bound, error, whole=whole, terms=count, **attributes)


@maker(2)
def arg(graph: Graph) -> None:
    name = graph.rng.choice(["ArgMax", "ArgMin"])
    x = graph.want(("float32", "int32"), (1, 4), lambda v: v.is_exact)
    if not x.is_exact or not x.size:
        return
    axis, keep = graph.rng.randrange(x.rank), graph.rng.randint(0, 1)
    shape = [1 if i == axis else d for i, d in enumerate(x.shape) if keep or i != axis]
    attributes = {"select_last_index": 1} if graph.opset >= 12 and graph.chance(0.3) else {}
    graph.compute(name, [x], shape, x.shape[axis], dtype="int64", low=0, axis=graph.axis(x.rank, axis), keepdims=keep,
                  **attributes)


@maker(1)
def top_k(graph: Graph) -> None:
    x = graph.want(("float32", "int64"), (1, 3), lambda v: v.is_exact)
    if not x.is_exact or x.dtype not in ("float32", "int64") or not x.size:
        return
    axis = graph.rng.randrange(x.rank)
    count = graph.rng.randint(1, x.shape[axis])
    shape = [count if i == axis else d for i, d in enumerate(x.shape)]
    graph.node("TopK", [x, graph.ints([count])], values=[
        Value("", x.dtype, shape, x.bound, 0, x.whole, x.low), Value("", "int64", shape, x.shape[axis], low=0)],
        axis=graph.axis(x.rank, axis), largest=graph.rng.randint(0, 1), sorted=1)


@maker(1)
def cumulated(graph: Graph) -> None:
    x = graph.want(("float32", "int64", "int32", "float64"), (1, 4))
    axis = graph.rng.randrange(x.rank)
    count = x.shape[axis]
    graph.compute("CumSum", [x, graph.constant(np.int64(graph.axis(x.rank, axis)))], x.shape, count * x.bound,
                  count * x.error, whole=True, terms=count, exclusive=graph.rng.randint(0, 1),
                  reverse=graph.rng.randint(0, 1))


@maker(4)
def softmax(graph: Graph) -> None:
    name = graph.rng.choice(["Softmax", "Softmax", "LogSoftmax"])
    x = graph.want(("float32",), (1, 4))
    axis = graph.rng.randrange(x.rank)
    if not x.size:
        return
    # Before version 13 all that stands behind the axis is one row.
    count = x.shape[axis] if graph.opset >= 13 else math.prod(x.shape[axis:])
    bound = 1 if name == "Softmax" else 2 * x.bound + math.log(max(count, 1)) + 1
    graph.compute(name, [x], x.shape, bound, 2 * x.error, terms=count, axis=graph.axis(x.rank, axis))


@maker(3)
def normalization(graph: Graph) -> None:
    """Each divides by a deviation, which is kept from being tiny: an input that varies is added first."""
    name = graph.rng.choice(["LayerNormalization", "InstanceNormalization", "BatchNormalization", "BatchNormalization",
                             "LRN", "LpNormalization"])
    x = graph.want(("float32",), (2, 4), lambda v: v.bound < 100 and v.size > 1)
    if x.bound > 100 or not x.size:
        return
    if name == "BatchNormalization":
        c = x.shape[1]
        scale, shift, mean = (graph.fresh("float32", [c], True) for _ in range(3))
        variance = graph.constant(np.random.RandomState(graph.rng.getrandbits(32)).uniform(0.5, 2, c).astype(np.float32))
        gain = scale.bound * 1.5
        graph.compute(name, [x, scale, shift, mean, variance], x.shape, gain * (x.bound + mean.bound) + shift.bound,
                      gain * x.error, epsilon=graph.rng.choice([1e-5, 1e-3]))
        return
    if name == "LRN":
        if x.rank == 4:
            graph.compute(name, [x], x.shape, x.bound, 2 * x.error, size=graph.rng.choice([1, 3, 5]), bias=1.0)
        return
    if name == "LpNormalization":
        axis = graph.rng.randrange(x.rank)
        ones = graph.constant(np.float32(x.bound + 1))
        x = graph.compute("Add", [x, ones], x.shape, 2 * x.bound + 1, x.error, whole=True, low=1)
        graph.compute(name, [x], x.shape, 1, 2 * x.error, axis=graph.axis(x.rank, axis), p=graph.rng.randint(1, 2))
        return
    axis = graph.rng.randrange(1, x.rank) if name == "LayerNormalization" else 2
    if name == "LayerNormalization" and graph.opset < 17 or x.rank <= axis:
        return
    # A large epsilon: what is divided by is never small beside the values' errors.
    epsilon = graph.rng.choice([0.25, 1.0])
    gain = 2 / math.sqrt(epsilon)
    count = math.prod(x.shape[axis:])
    shape = x.shape[axis:] if name == "LayerNormalization" else [x.shape[1]]
    scale, shift = graph.fresh("float32", shape), graph.fresh("float32", shape)
    error = gain * (x.error + 2.0**-22 * x.bound) * (1 + scale.bound) * 2
    bound = gain * x.bound * scale.bound + shift.bound
    attributes = {"axis": graph.axis(x.rank, axis)} if name == "LayerNormalization" else {}
    inputs: list = [x, scale, shift if name != "LayerNormalization" or graph.chance(0.7) else None]
    graph.compute(name, inputs, x.shape, bound, error, terms=count, epsilon=epsilon, **attributes)
