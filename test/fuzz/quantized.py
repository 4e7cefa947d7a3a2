"""Nodes of random graphs on numbers in 8 bits."""

from typing import Optional

import numpy as np

from contractions import window
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
    zeros = [known_or_not(graph, x.dtype), graph.constant(graph.rng.randint(0, 5), y.dtype)]
    graph.compute("MatMulInteger", [x, y] + zeros[: graph.rng.randint(0, 2)], shape, x.shape[-1] * 300 * 20, dtype="int32")


@maker(1)
def dynamic_quantize(graph: Graph) -> None:
    """The data have the least and the largest number that make the scale a power of 2, also where they are cut smaller."""
    shape = graph.shape(1, 4)
    if shape[-1] < 2:
        return
    low = graph.rng.randint(-255, 0)
    array = graph.data("float32", shape, low=low, high=low + 255)
    array[(0,) * (len(shape) - 1)][:2] = low, low + 255
    step = graph.rng.choice([0.25, 0.5, 1, 2])
    x = graph.input(array * np.float32(step))
    graph.node("DynamicQuantizeLinear", [x], values=[
        Value("", "uint8", shape, 255, low=0), Value("", "float32", [], step, low=step), Value("", "uint8", [], 255, low=0)])


def scale(graph: Graph, size: Optional[int] = None) -> Value:
    """A power of 2, or one for each channel: products of scales are exact."""
    count = 1 if size is None else size
    numbers = np.array([graph.rng.choice([0.125, 0.25, 0.5, 1.0]) for _ in range(count)], np.float32)
    return graph.constant(numbers[0] if size is None else numbers)


def zero(graph: Graph, dtype: str) -> Value:
    return graph.constant(graph.rng.randint(0, 9), dtype)


def known_or_not(graph: Graph, dtype: str) -> Value:
    """A zero point: a constant, or one that another node computes."""
    return (graph.pick(lambda v: v.rank == 0, [dtype]) if graph.chance(0.5) else None) or zero(graph, dtype)


def eight_bits(dtype: str) -> Value:
    return Value("", dtype, [], 255 if dtype == "uint8" else 128, low=0 if dtype == "uint8" else None)


@maker(1)
def quantized_product(graph: Graph) -> None:
    """What is multiplied is summed exactly and rounded once, a half to the even number."""
    x = graph.want(("uint8", "int8"), (2, 3), lambda v: v.size > 0)
    if x.rank < 2 or not x.size:
        return
    shape = [*x.shape[:-1], graph.dim()]
    if np.prod(shape) > MOST_ELEMENTS:
        return
    y = graph.fresh("int8", [x.shape[-1], shape[-1]], low=-9, high=9)
    limits = eight_bits(x.dtype)
    graph.node("QLinearMatMul", [x, scale(graph), zero(graph, x.dtype), y, scale(graph), zero(graph, "int8"), scale(graph),
                                 zero(graph, x.dtype)],
               values=[Value("", x.dtype, shape, limits.bound, low=limits.low)])


@maker(2)
def quantized_convolution(graph: Graph) -> None:
    x = graph.want(("uint8", "int8"), (4, 4), lambda v: v.size > 0)
    if x.rank != 4 or not x.size:
        x = graph.fresh("uint8", [graph.rng.randint(1, 2), graph.rng.choice([1, 2, 4, 16]), 5, 6], constant=False)
    windows = [window(graph, d) for d in x.shape[2:]]
    if None in windows:
        return
    channels = x.shape[1]
    groups = graph.rng.choice([1, 1, channels])
    out = groups * graph.rng.choice([1, 2, 3, 8])
    kernels, strides, dilations, before, after = (list(part) for part in zip(*windows))
    places = [(d + b + a - (k - 1) * q - 1) // s + 1
              for d, k, s, q, b, a in zip(x.shape[2:], kernels, strides, dilations, before, after)]
    shape = [x.shape[0], out, *places]
    if out > 48 or np.prod(shape) > MOST_ELEMENTS:
        return
    attributes = {"strides": strides, "dilations": dilations, "group": groups, "pads": before + after}
    kind = "int8" if x.dtype == "int8" else graph.rng.choice(["uint8", "int8"])
    weights = graph.fresh(kind, [out, channels // groups, *kernels], constant=True, low=0 if kind == "uint8" else -9, high=9)
    if graph.chance(0.3):
        zeros = [known_or_not(graph, x.dtype), zero(graph, kind)][: graph.rng.randint(0, 2)]
        bound = channels // groups * np.prod(kernels) * 400 * 20
        graph.compute("ConvInteger", [x, weights] + zeros, shape, bound, dtype="int32", **attributes)
        return
    bias = graph.fresh("int32", [out], constant=True, low=-50, high=50) if graph.chance(0.6) else None
    limits = eight_bits(x.dtype)
    graph.node("QLinearConv", [x, scale(graph), zero(graph, x.dtype), weights, scale(graph, out if graph.chance(0.5) else None),
                               graph.constant(0, kind), scale(graph), zero(graph, x.dtype), bias],
               values=[Value("", x.dtype, shape, limits.bound, low=limits.low)], **attributes)
