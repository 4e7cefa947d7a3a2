"""Nodes of random graphs on numbers in 8 bits."""

import numpy as np

from graph import MOST_ELEMENTS, Graph, Value
from pointwise import maker


@maker(1)
def quantize(graph: Graph) -> None:
    """Scales are powers of 2 and values whole: no quotient lies by an error on the other side of a border."""
    x = graph.want(("float32",), (1, 4), lambda v: v.is_exact and v.whole and v.bound < 1000)
    if not (x.is_exact and x.whole and x.bound < 1000):
        return
    dtype = graph.rng.choice(["uint8", "int8"])
    scale = graph.constant(np.float32(graph.rng.choice([0.25, 0.5, 1, 2])))
    zero = graph.constant(graph.rng.randint(0, 20), dtype)
    y = graph.node("QuantizeLinear", [x, scale, zero], values=[Value("", dtype, x.shape, 255 if dtype == "uint8" else 128)])[0]
    if graph.chance(0.7):
        graph.node("DequantizeLinear", [y, scale, zero], values=[Value("", "float32", x.shape, 600, 1e-4)])


@maker(1)
def dequantize(graph: Graph) -> None:
    x = graph.want(("uint8", "int8"), (1, 4))
    if graph.opset >= 13 and graph.chance(0.5):
        axis = graph.rng.randrange(x.rank)
        state = np.random.RandomState(graph.rng.getrandbits(32))
        scale = graph.constant(state.uniform(0.1, 2, x.shape[axis]).astype(np.float32))
        zero = graph.constant(state.randint(0, 9, x.shape[axis]).astype(x.dtype))
        graph.compute("DequantizeLinear", [x, scale, zero], x.shape, 600, dtype="float32", axis=graph.axis(x.rank, axis))
    else:
        scale, zero = graph.constant(np.float32(0.5)), graph.constant(graph.rng.randint(0, 9), x.dtype)
        graph.compute("DequantizeLinear", [x, scale, zero], x.shape, 600, dtype="float32")


@maker(1)
def integer_product(graph: Graph) -> None:
    x = graph.want(("uint8", "int8"), (2, 3))
    if x.rank < 2 or not x.size:
        return
    columns = graph.dim()
    shape = [*x.shape[:-1], columns]
    if np.prod(shape) > MOST_ELEMENTS:
        return
    y = graph.fresh(graph.rng.choice(["uint8", "int8"]), [x.shape[-1], columns], low=0, high=9)
    zeros = [graph.constant(graph.rng.randint(0, 5), x.dtype), graph.constant(graph.rng.randint(0, 5), y.dtype)]
    graph.compute("MatMulInteger", [x, y] + zeros[: graph.rng.randint(0, 2)], shape, x.shape[-1] * 300 * 20, dtype="int32")
