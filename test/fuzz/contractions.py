"""Nodes of random graphs that multiply and add: products of matrices, convolutions, pools, resizing."""

import math
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from graph import MOST_ELEMENTS, Graph, Value
from pointwise import maker


def product(graph: Graph, op: str, inputs: Sequence[Optional[Value]], shape: Sequence[int], count: int,
            **attributes: Any) -> Optional[Value]:
    """A node whose results are sums of `count` products of its first two inputs, and a third if there is one."""
    if math.prod(shape) > MOST_ELEMENTS:
        return None
    x, y = inputs[:2]
    count = max(count, 1)
    bound, error = count * x.bound * y.bound, count * (x.bound * y.error + y.bound * x.error)
    if len(inputs) > 2 and inputs[2]:
        bound, error = bound + inputs[2].bound, error + inputs[2].error
    if not x.is_float and bound > 2**31 - 1:
        return None
    # Roundings of many terms mostly cancel out.
    return graph.compute(op, inputs, shape, bound, error, whole=True, terms=int(math.sqrt(count)), **attributes)


def operand(graph: Graph, x: Value, shape: Sequence[int]) -> Value:
    """The other factor: one that is there and fits, or a new one."""
    found = graph.pick(lambda v: v.shape == tuple(shape), [x.dtype]) if graph.chance(0.5) else None
    return found or graph.fresh(x.dtype, shape, constant=graph.chance(0.7))


@maker(6)
def matmul(graph: Graph) -> None:
    x = graph.want(("float32", "float32", "float64", "int32"), (1, 4), lambda v: v.bound < 200)
    if not x.size or x.bound >= 200:
        return
    inner = x.shape[-1]
    if graph.chance(0.1):
        y = operand(graph, x, [inner])
        product(graph, "MatMul", [x, y], x.shape[:-1], inner)
        return
    columns = graph.dim()
    lead = [d if graph.chance(0.6) else 1 for d in x.shape[:-2]] if graph.chance(0.4) else []
    y = operand(graph, x, [*lead, inner, columns])
    if x.rank == 1:
        product(graph, "MatMul", [x, y], [*lead, columns], inner)
    else:
        product(graph, "MatMul", [x, y], [*np.broadcast_shapes(x.shape[:-2], tuple(lead)), x.shape[-2], columns], inner)


@maker(4)
def gemm(graph: Graph) -> None:
    x = graph.want(("float32",), (2, 2), lambda v: v.bound < 200)
    if x.rank != 2 or not x.size or x.bound >= 200:
        return
    transposed = graph.chance(0.3), graph.chance(0.5)
    rows, inner = x.shape if not transposed[0] else x.shape[::-1]
    columns = graph.dim()
    y = operand(graph, x, (inner, columns) if not transposed[1] else (columns, inner))
    inputs: List[Optional[Value]] = [x, y]
    if graph.chance(0.7):
        inputs.append(graph.fresh("float32", graph.rng.choice([(columns,), (1, columns), (rows, 1), (rows, columns), ()])))
    attributes: Dict[str, Any] = {"transA": int(transposed[0]), "transB": int(transposed[1])}
    if graph.chance(0.3):
        attributes.update(alpha=graph.rng.choice([0.5, 1.0, 1.0]), beta=graph.rng.choice([0.5, 1.0]))
        if attributes["alpha"] != 1 or attributes["beta"] != 1:
            # Half of a whole number is none.
            inputs[0] = graph.compute("Mul", [x, graph.constant(np.float32(0.75))], x.shape, x.bound, x.error)
    product(graph, "Gemm", inputs, [rows, columns], inner, **attributes)


@maker(2)
def einsum(graph: Graph) -> None:
    if graph.opset < 12:
        return
    x = graph.want(("float32",), (2, 4), lambda v: v.bound < 200)
    if not x.size or x.bound >= 200:
        return
    letters = "abcd"[: x.rank]
    shared = graph.rng.sample(letters, graph.rng.randint(1, min(2, x.rank)))
    others = "ef"[: graph.rng.randint(0, 2)]
    right = shared + list(others)
    graph.rng.shuffle(right)
    sizes = dict(zip(letters, x.shape))
    sizes.update({letter: graph.rng.randint(1, 5) for letter in others})
    out = [letter for letter in dict.fromkeys(list(letters) + right) if letter not in shared or graph.chance(0.3)]
    graph.rng.shuffle(out)
    y = operand(graph, x, [sizes[letter] for letter in right])
    summed = math.prod(size for letter, size in sizes.items() if letter not in out)
    shape = [sizes[letter] for letter in out]
    if math.prod(shape) <= MOST_ELEMENTS:
        product(graph, "Einsum", [x, y], shape, summed, equation=f"{letters},{''.join(right)}->{''.join(out)}")


def window(graph: Graph, size: int, is_pool: bool = False) -> Optional[Tuple[int, int, int, int, int]]:
    """Kernel, stride, dilation and pads along one dimension of `size` that leave at least one place."""
    for _ in range(8):
        kernel = graph.rng.choice([1, 1, 2, 3, 3, 5])
        stride = graph.rng.choice([1, 1, 1, 2, 3])
        dilation = graph.rng.choice([1, 1, 1, 2])
        extent = (kernel - 1) * dilation + 1
        most = min(3, (kernel if is_pool else extent) - 1)
        before, after = (graph.rng.randint(0, most) if most > 0 and graph.chance(0.6) else 0 for _ in range(2))
        if size + before + after >= extent:
            return kernel, stride, dilation, before, after
    return None


def image(graph: Graph, high: int = 5) -> Optional[Value]:
    x = graph.want(("float32",), (3, high), lambda v: v.bound < 100)
    if x.rank < 3 or x.bound >= 100 or not x.size:
        dims = [graph.rng.randint(1, 3), graph.rng.choice([1, 2, 3, 4, 8, 16])] + \
            [graph.rng.randint(3, 9) for _ in range(graph.rng.choice([1, 2, 2, 2]))]
        x = graph.fresh("float32", dims, constant=False)
    return x if x.size <= MOST_ELEMENTS else None


@maker(9)
def convolution(graph: Graph) -> None:
    x = image(graph)
    if not x:
        return
    windows = [window(graph, d) for d in x.shape[2:]]
    if None in windows:
        return
    channels = x.shape[1]
    groups = graph.rng.choice([g for g in range(1, channels + 1) if channels % g == 0] + [1, 1, channels])
    out = groups * graph.rng.choice([1, 1, 2, 3, 4, 8])
    if out > 48:
        return
    kernels, strides, dilations, before, after = (list(part) for part in zip(*windows))
    attributes: Dict[str, Any] = {"strides": strides, "dilations": dilations, "group": groups}
    if graph.chance(0.6):
        attributes["kernel_shape"] = kernels
    if graph.chance(0.15) and all(d == 1 for d in dilations):
        attributes["auto_pad"] = graph.rng.choice(["SAME_UPPER", "SAME_LOWER"])
        places = [-(-d // s) for d, s in zip(x.shape[2:], strides)]
    else:
        attributes["pads"] = before + after
        places = [(d + b + a - (k - 1) * q - 1) // s + 1
                  for d, k, s, q, b, a in zip(x.shape[2:], kernels, strides, dilations, before, after)]
    weights = graph.fresh("float32", [out, channels // groups, *kernels], constant=graph.chance(0.95))
    inputs: List[Optional[Value]] = [x, weights]
    if graph.chance(0.6):
        inputs.append(graph.fresh("float32", [out], constant=True))
    made = product(graph, "Conv", inputs, [x.shape[0], out, *places], channels // groups * math.prod(kernels), **attributes)
    if made and graph.chance(0.5):
        follow(graph, made)


def follow(graph: Graph, x: Value) -> None:
    """What mostly stands behind a convolution."""
    kind = graph.rng.choice(["Relu", "norm", "add", "Sigmoid", "Clip", "scale"])
    if kind == "Relu":
        graph.move(kind, [x], x, x.shape)
    elif kind == "Sigmoid":
        gate = graph.compute(kind, [x], x.shape, 1, x.error / 4)
        graph.compute("Mul", [x, gate], x.shape, x.bound, 2 * x.error)
    elif kind == "Clip":
        graph.move(kind, [x, graph.constant(np.float32(0)), graph.constant(np.float32(6))], x, x.shape)
    elif kind == "add":
        y = graph.fresh("float32", x.shape, constant=False)
        graph.compute("Add", [x, y], x.shape, x.bound + y.bound, x.error, whole=True)
    elif kind == "scale":
        y = graph.fresh("float32", [x.shape[1]] + [1] * (x.rank - 2), constant=True)
        graph.compute("Mul", [x, y], x.shape, x.bound * y.bound, x.error * y.bound, whole=True)
    else:
        c = x.shape[1]
        scale, shift, mean = (graph.fresh("float32", [c], True) for _ in range(3))
        graph.compute("BatchNormalization", [x, scale, shift, mean, graph.constant(np.ones(c, np.float32))], x.shape,
                      scale.bound * (x.bound + mean.bound) + shift.bound, scale.bound * x.error)


@maker(3)
def deconvolution(graph: Graph) -> None:
    x = image(graph, 4)
    if not x:
        return
    channels = x.shape[1]
    groups = graph.rng.choice([1, 1, 1, channels])
    out = graph.rng.choice([1, 2, 3, 4])
    kernels, strides, dilations, before, after, extra, places = [], [], [], [], [], [], []
    for size in x.shape[2:]:
        kernel, stride, dilation = graph.rng.randint(1, 4), graph.rng.randint(1, 3), graph.rng.choice([1, 1, 2])
        extent = (kernel - 1) * dilation + 1
        b, a = (graph.rng.randint(0, min(2, extent - 1)) if graph.chance(0.4) else 0 for _ in range(2))
        e = graph.rng.randint(0, stride - 1) if graph.chance(0.3) else 0
        place = stride * (size - 1) + e + extent - b - a
        if place < 1:
            return
        for part, number in zip((kernels, strides, dilations, before, after, extra, places),
                                (kernel, stride, dilation, b, a, e, place)):
            part.append(number)
    weights = graph.fresh("float32", [channels, out, *kernels], constant=True)
    inputs: List[Optional[Value]] = [x, weights]
    if graph.chance(0.5):
        inputs.append(graph.fresh("float32", [out * groups], constant=True))
    product(graph, "ConvTranspose", inputs, [x.shape[0], out * groups, *places],
            channels // groups * math.prod(kernels), group=groups, strides=strides, dilations=dilations,
            pads=before + after, output_padding=extra)


@maker(5)
def pool(graph: Graph) -> None:
    x = image(graph)
    if not x:
        return
    name = graph.rng.choice(["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "AveragePool"])
    if name.startswith("Global"):
        shape = [*x.shape[:2]] + [1] * (x.rank - 2)
        count = math.prod(x.shape[2:])
        if name == "GlobalMaxPool":
            graph.move(name, [x], x, shape)
        else:
            graph.compute(name, [x], shape, x.bound, x.error, terms=int(math.sqrt(count)))
        return
    windows = [window(graph, d, True) for d in x.shape[2:]]
    if None in windows:
        return
    kernels, strides, dilations, before, after = (list(part) for part in zip(*windows))
    attributes: Dict[str, Any] = {"kernel_shape": kernels, "strides": strides, "pads": before + after}
    if name == "MaxPool" or graph.opset >= 19:
        attributes["dilations"] = dilations
    else:
        dilations = [1] * len(kernels)
    ceil = int(graph.chance(0.2))
    attributes["ceil_mode"] = ceil
    places = []
    for d, k, s, q, b, a in zip(x.shape[2:], kernels, strides, dilations, before, after):
        room = d + b + a - (k - 1) * q - 1
        if room < 0:
            return
        place = (room + (s - 1) * ceil) // s + 1
        if ceil and (place - 1) * s >= d + b:
            return  # which of its windows count has changed between versions
        places.append(place)
    shape = [*x.shape[:2], *places]
    if math.prod(shape) > MOST_ELEMENTS:
        return
    if name == "MaxPool":
        graph.move(name, [x], x, shape, **attributes)
        return
    attributes["count_include_pad"] = graph.rng.randint(0, 1) if not ceil else 0
    graph.compute(name, [x], shape, x.bound, x.error, terms=math.prod(kernels), **attributes)


@maker(3)
def resize(graph: Graph) -> None:
    x = graph.want(("float32",), (3, 4))
    if not x.size:
        return
    mode = graph.rng.choice(["nearest", "nearest", "linear", "cubic"])
    if mode == "cubic" and x.rank != 4:
        mode = "nearest"
    is_whole = graph.chance(0.7)
    factors = [1.0, 1.0] + [float(graph.rng.choice([1, 2, 3])) if is_whole else graph.rng.choice([0.5, 2.0, 1.5, 1.0])
                            for _ in x.shape[2:]]
    shape = [int(math.floor(d * f)) for d, f in zip(x.shape, factors)]
    if math.prod(shape) > MOST_ELEMENTS or not all(shape):
        return
    transform = graph.rng.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
    attributes: Dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": transform}
    if mode == "nearest":
        attributes["nearest_mode"] = graph.rng.choice(["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"])
        if transform in ("align_corners",) or not is_whole:
            # Where the place lies on the border, its rounding decides.
            attributes.update(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    region = graph.constant([], "float32") if graph.opset < 13 else None
    if graph.chance(0.5):
        inputs = [x, region, graph.constant([], "float32") if region else None, graph.ints(shape)]
        if not is_whole:
            attributes["coordinate_transformation_mode"] = "half_pixel" if mode != "nearest" else "asymmetric"
    else:
        inputs = [x, region, graph.constant(np.array(factors, np.float32))]
    if mode == "nearest":
        graph.move("Resize", inputs, x, shape, **attributes)
    else:
        graph.compute("Resize", inputs, shape, 2 * x.bound, 3 * x.error + 1e-5 * x.bound, **attributes)
