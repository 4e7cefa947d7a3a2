"""Groups of nodes that exporters write for one operation, as they stand in models: what recognisers and fusion look for."""

import math

import numpy as np

from contractions import convolution, operand, product
from graph import MOST_ELEMENTS, Graph, Value
from pointwise import maker


def scalar(graph: Graph, number: float) -> Value:
    return graph.constant(np.array(number if graph.chance(0.7) else [number], np.float32))


def binary(graph: Graph, op: str, x: Value, y: Value) -> Value:
    shape = np.broadcast_shapes(x.shape, y.shape)
    if graph.chance(0.4) and op in ("Add", "Mul"):
        x, y = y, x
    if op == "Mul":
        return graph.compute(op, [x, y], shape, x.bound * y.bound, x.error * y.bound + y.error * x.bound, whole=True)
    if op == "Div":
        return graph.compute(op, [x, y], shape, x.bound / y.low, x.error / y.low)
    return graph.compute(op, [x, y], shape, x.bound + y.bound, x.error + y.error, whole=True)


@maker(2)
def activations(graph: Graph) -> None:
    x = graph.want(("float32",), (1, 4), lambda v: v.bound < 50)
    if x.bound >= 50 or not x.size:
        return
    kind = graph.rng.choice(["gelu", "tanh gelu", "silu", "hard swish"])
    if kind == "gelu":
        scaled = binary(graph, "Div", x, scalar(graph, math.sqrt(2)))
        phi = graph.compute("Erf", [scaled], x.shape, 1, 1.2 * scaled.error)
        if graph.chance(0.5):
            binary(graph, "Mul", binary(graph, "Mul", x, binary(graph, "Add", phi, scalar(graph, 1))), scalar(graph, 0.5))
        else:
            binary(graph, "Mul", x, binary(graph, "Mul", binary(graph, "Add", phi, scalar(graph, 1)), scalar(graph, 0.5)))
    elif kind == "tanh gelu":
        cube = graph.compute("Pow", [x, scalar(graph, 3)], np.broadcast_shapes(x.shape, (1,)), x.bound**3,
                             3 * x.bound**2 * x.error)
        inner = binary(graph, "Mul", binary(graph, "Add", x, binary(graph, "Mul", cube, scalar(graph, 0.044715))),
                       scalar(graph, math.sqrt(2 / math.pi)))
        bent = graph.compute("Tanh", [inner], inner.shape, 1, min(inner.error, 1e-3))
        binary(graph, "Mul", binary(graph, "Mul", x, scalar(graph, 0.5)), binary(graph, "Add", bent, scalar(graph, 1)))
    elif kind == "silu":
        binary(graph, "Mul", x, graph.compute("Sigmoid", [x], x.shape, 1, x.error / 4))
    else:
        six = graph.move("Clip", [binary(graph, "Add", x, scalar(graph, 3)), graph.constant(np.float32(0)),
                                  graph.constant(np.float32(6))], x, np.broadcast_shapes(x.shape, (1,)), 6)
        binary(graph, "Div", binary(graph, "Mul", x, six), scalar(graph, 6))


def mean(graph: Graph, x: Value, axis: int) -> Value:
    shape = [1 if i == axis else d for i, d in enumerate(x.shape)]
    inputs, attributes = [x], {}
    if graph.opset >= 18:
        inputs.append(graph.ints([axis - x.rank]))
    else:
        attributes["axes"] = [axis - x.rank]
    return graph.compute("ReduceMean", inputs, shape, x.bound, x.error, terms=x.shape[axis], **attributes)


@maker(1.5)
def layer_norm(graph: Graph) -> None:
    x = graph.want(("float32",), (2, 4), lambda v: v.bound < 50)
    if x.bound >= 50 or not x.size:
        return
    axis = x.rank - 1
    centred = binary(graph, "Sub", x, mean(graph, x, axis))
    if graph.chance(0.5):
        square = binary(graph, "Mul", centred, centred)
    else:
        square = graph.compute("Pow", [centred, graph.constant(np.float32(2))], x.shape, centred.bound**2,
                               2 * centred.bound * centred.error)
    variance = mean(graph, square, axis)
    epsilon = graph.rng.choice([0.25, 1.0])
    total = binary(graph, "Add", variance, graph.constant(np.float32(epsilon)))
    deviation = graph.compute("Sqrt", [total], variance.shape, math.sqrt(total.bound), total.error / math.sqrt(epsilon),
                              low=math.sqrt(epsilon))
    # Correlated errors: the deviation is large where the centred values are.
    error = 2 / math.sqrt(epsilon) * (centred.error + centred.bound * 2.0**-20)
    y = graph.compute("Div", [centred, deviation], x.shape, math.sqrt(x.shape[axis]) + 1, error)
    if graph.chance(0.6):
        y = binary(graph, "Mul", y, graph.fresh("float32", [x.shape[axis]], constant=True))
        binary(graph, "Add", y, graph.fresh("float32", [x.shape[axis]], constant=True))


@maker(1)
def softmax(graph: Graph) -> None:
    x = graph.want(("float32",), (1, 4), lambda v: v.bound < 20)
    if x.bound >= 20 or not x.size or graph.opset < 13 or graph.opset >= 18:
        return
    axis = graph.rng.randrange(x.rank)
    shape = [1 if i == axis else d for i, d in enumerate(x.shape)]
    top = graph.compute("ReduceMax", [x], shape, x.bound, x.error, whole=True, axes=[axis])
    below = binary(graph, "Sub", x, top)
    power = graph.compute("Exp", [below], x.shape, 1, below.error, low=0)
    total = graph.compute("ReduceSum", [power, graph.ints([axis])], shape, x.shape[axis], x.shape[axis] * power.error, low=1)
    graph.compute("Div", [power, total], x.shape, 1, 2 * below.error + power.error)


@maker(2)
def attention(graph: Graph) -> None:
    batch, heads, rows, width = graph.rng.randint(1, 2), graph.rng.randint(1, 3), graph.rng.randint(1, 9), \
        graph.rng.choice([1, 2, 4, 8])
    columns = graph.rng.randint(1, 9) if graph.chance(0.4) else rows
    lead = [batch, heads] if graph.chance(0.7) else [batch]
    query = graph.pick(lambda v: v.rank == len(lead) + 2 and v.bound < 6 and v.size > 0, ["float32"])
    if query and graph.chance(0.7):
        *lead, rows, width = query.shape
        columns = rows if graph.chance(0.6) else columns
    else:
        query = graph.fresh("float32", [*lead, rows, width], constant=False)
    key = graph.fresh("float32", [*lead, columns, width], constant=False)
    value = graph.fresh("float32", [*lead, columns, width], constant=False)
    order = list(range(len(lead) + 2))
    order[-2:] = order[:-3:-1]
    turned = graph.move("Transpose", [key], key, [*lead, width, columns], perm=order)
    scores = product(graph, "MatMul", [query, turned], [*lead, rows, columns], width)
    if not scores:
        return
    factor = 1 / math.sqrt(width)
    scores = binary(graph, "Mul", scores, graph.constant(np.float32(factor))) if graph.chance(0.5) else \
        binary(graph, "Div", scores, graph.constant(np.float32(1 / factor)))
    if graph.chance(0.5):
        kept = graph.data("bool", [graph.rng.choice([1, lead[0]])] + [1] * (len(lead) - 1) +
                          [graph.rng.choice([1, rows]), columns])
        mask = np.where(kept, np.float32(0), np.float32(-10))
        mask = graph.constant(mask) if graph.chance(0.4) else graph.input(mask)
        scores = binary(graph, "Add", scores, mask)
    weights = graph.compute("Softmax", [scores], scores.shape, 1, 2 * scores.error, terms=columns, axis=scores.rank - 1
                            if graph.opset < 13 else -1)
    # The weights of a row add up to 1.
    result = graph.compute("MatMul", [weights, value], [*lead, rows, width], value.bound,
                           value.bound * columns * weights.error, terms=columns)
    if len(lead) == 2 and graph.chance(0.5):
        moved = graph.move("Transpose", [result], result, [lead[0], rows, lead[1], width], perm=[0, 2, 1, 3])
        graph.move("Reshape", [moved, graph.ints([0, 0, lead[1] * width])], moved, [lead[0], rows, lead[1] * width])


@maker(1)
def shuffle(graph: Graph) -> None:
    """Channels in groups, regrouped."""
    x = graph.want(("float32",), (4, 4), lambda v: v.size > 0 and v.shape[1] % 2 == 0)
    if x.rank != 4 or not x.size or x.shape[1] % 2:
        return
    n, c, h, w = x.shape
    y = graph.move("Reshape", [x, graph.ints([n, 2, c // 2, h, w])], x, [n, 2, c // 2, h, w])
    y = graph.move("Transpose", [y], y, [n, c // 2, 2, h, w], perm=[0, 2, 1, 3, 4])
    graph.move("Reshape", [y, graph.ints([n, c, h, w] if graph.chance(0.5) else [n, -1, h, w])], y, [n, c, h, w])


@maker(2)
def network(graph: Graph) -> None:
    """A few convolutions in a row, with what stands between them."""
    for _ in range(graph.rng.randint(2, 3)):
        convolution(graph)


@maker(1)
def heads(graph: Graph) -> None:
    """A product whose columns are divided among heads."""
    x = graph.want(("float32",), (3, 3), lambda v: v.bound < 50 and v.size > 0)
    if x.rank != 3 or x.bound >= 50 or not x.size:
        return
    n, width = graph.rng.randint(1, 4), graph.rng.choice([1, 2, 4])
    batch, rows, inner = x.shape
    y = product(graph, "MatMul", [x, operand(graph, x, [inner, n * width])], [batch, rows, n * width], inner)
    if not y or y.size > MOST_ELEMENTS:
        return
    y = binary(graph, "Add", y, graph.fresh("float32", [n * width], constant=True))
    y = graph.move("Reshape", [y, graph.ints(graph.rng.choice([[batch, rows, n, width], [0, 0, n, -1]]))], y,
                   [batch, rows, n, width])
    graph.move("Transpose", [y], y, [batch, n, rows, width], perm=[0, 2, 1, 3])
