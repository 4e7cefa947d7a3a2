"""Nodes of random graphs that move elements: shapes, slices, joins, selections."""

import math
from typing import List, Optional, Sequence

import numpy as np

from graph import MOST_ELEMENTS, Graph, Value
from pointwise import maker

MOVED = ("float32", "int64", "int32", "bool", "float64", "uint8", "int8", "float16")


def moved(graph: Graph, low: int = 1, high: int = 5) -> Value:
    return graph.want(MOVED, (low, high))


@maker(5)
def transpose(graph: Graph) -> None:
    x = moved(graph, 2)
    order = list(range(x.rank))
    if x.rank == 4 and graph.chance(0.6):
        order = graph.rng.choice([[0, 2, 3, 1], [0, 3, 1, 2]])
    else:
        graph.rng.shuffle(order)
    graph.move("Transpose", [x], x, [x.shape[i] for i in order], perm=order)


def split_dims(graph: Graph, size: int) -> List[int]:
    """Dimensions whose product is `size`."""
    dims = []
    while size > 1 and len(dims) < 4:
        factor = graph.rng.choice([f for f in range(1, size + 1) if size % f == 0])
        dims.append(factor)
        size //= factor
    return dims + ([size] if size != 1 or not dims else [])


@maker(4)
def reshape(graph: Graph) -> None:
    x = moved(graph, 0)
    if not x.size:
        return
    dims = split_dims(graph, x.size)
    if x.rank and graph.chance(0.4):
        # The first dimension stays.
        dims = [x.shape[0]] + split_dims(graph, x.size // x.shape[0])
    graph.rng.shuffle(dims)
    kind = graph.rng.choice(["constant", "minus", "zero", "computed", "computed"])
    wanted = list(dims)
    if kind == "minus":
        wanted[graph.rng.randrange(len(dims))] = -1
    if kind == "zero":
        wanted = [0 if i < x.rank and x.shape[i] == d else d for i, d in enumerate(dims)]
    if kind == "computed" and x.rank:
        sizes = graph.node("Shape", [x], values=[Value("", "int64", [x.rank], MOST_ELEMENTS)])[0]
        dims = [x.shape[0]] + split_dims(graph, x.size // x.shape[0])
        first = graph.move("Gather", [sizes, graph.ints([0])], sizes, [1])
        rest = dims[1:]
        if graph.chance(0.5) and rest:
            rest = list(rest)
            rest[graph.rng.randrange(len(rest))] = -1
        parts = [first] + [graph.ints([d]) for d in rest]
        shape = graph.move("Concat", parts, sizes, [len(parts)], MOST_ELEMENTS, axis=0)
        graph.move("Reshape", [x, shape], x, dims)
        return
    graph.move("Reshape", [x, graph.ints(wanted)], x, dims)


@maker(2)
def flatten(graph: Graph) -> None:
    x = moved(graph, 0, 5)
    axis = graph.rng.randint(0, x.rank)
    graph.move("Flatten", [x], x, [math.prod(x.shape[:axis]), math.prod(x.shape[axis:])], axis=axis)


@maker(2)
def squeeze(graph: Graph) -> None:
    x = moved(graph, 0)
    ones = [i for i, d in enumerate(x.shape) if d == 1]
    if ones and graph.chance(0.6):
        axes = sorted(graph.rng.sample(ones, graph.rng.randint(1, len(ones))))
        shape = [d for i, d in enumerate(x.shape) if i not in axes]
        op, axes = "Squeeze", [graph.axis(x.rank, a) for a in axes]
    elif x.rank < 5:
        rank = x.rank + graph.rng.randint(1, 2)
        axes = sorted(graph.rng.sample(range(rank), rank - x.rank))
        rest = iter(x.shape)
        shape = [1 if i in axes else next(rest) for i in range(rank)]
        op, axes = "Unsqueeze", [graph.axis(rank, a) for a in axes]
    else:
        return
    if graph.opset >= 13:
        graph.move(op, [x, graph.ints(axes)], x, shape)
    else:
        graph.move(op, [x], x, shape, axes=[a % (len(shape) if op == "Unsqueeze" else x.rank) for a in axes])


@maker(4)
def concat(graph: Graph) -> None:
    x = moved(graph)
    axis = graph.rng.randrange(x.rank)
    values = [x]
    for _ in range(graph.rng.randint(1, 3)):
        other = graph.pick(lambda v: v.rank == x.rank and all(v.shape[i] == x.shape[i] for i in range(x.rank)
                                                              if i != axis), [x.dtype])
        if not other or graph.chance(0.2):
            other = graph.fresh(x.dtype, [d if i != axis else graph.rng.randint(1, 4) for i, d in enumerate(x.shape)])
        values.insert(graph.rng.randint(0, len(values)), other)
    total = sum(v.shape[axis] for v in values)
    shape = [d if i != axis else total for i, d in enumerate(x.shape)]
    if math.prod(shape) > MOST_ELEMENTS:
        return
    graph.node("Concat", values, axis=graph.axis(x.rank, axis), values=[
        Value("", x.dtype, shape, max(v.bound for v in values), max(v.error for v in values),
              all(v.whole for v in values), min(v.low for v in values))])


@maker(3)
def split(graph: Graph) -> None:
    x = moved(graph)
    axis = graph.rng.randrange(x.rank)
    size = x.shape[axis]
    if size < 2:
        return
    count = graph.rng.randint(2, min(size, 3))
    cuts = sorted(graph.rng.sample(range(1, size), count - 1))
    sizes = [b - a for a, b in zip([0] + cuts, cuts + [size])]
    attributes = {"axis": graph.axis(x.rank, axis)}
    inputs = [x]
    if size % count == 0 and graph.chance(0.4):
        sizes = [size // count] * count
        if graph.opset >= 18:
            attributes["num_outputs"] = count
    elif graph.opset >= 13:
        inputs.append(graph.ints(sizes))
    else:
        attributes["split"] = sizes
    graph.node("Split", inputs, values=[
        Value("", x.dtype, [d if i != axis else s for i, d in enumerate(x.shape)], x.bound, x.error, x.whole, x.low)
        for s in sizes], **attributes)


@maker(5)
def slice_(graph: Graph) -> None:
    x = moved(graph)
    axes = sorted(graph.rng.sample(range(x.rank), graph.rng.randint(1, x.rank)))
    starts, ends, steps, shape = [], [], [], list(x.shape)
    for axis in axes:
        size = x.shape[axis]
        step = graph.rng.choice([1, 1, 1, 2, 3, -1, -2])
        start, end = graph.rng.randint(-size - 1, size), graph.rng.randint(-size - 1, size + 2)
        if graph.chance(0.3):
            end = 2**31 - 1 if step > 0 else -(2**31)
        count = len(range(*slice(start, end, step).indices(size)))
        if not count and not graph.chance(0.02):
            # All of it, in the direction of the step.
            start, end = (0, 2**63 - 1) if step > 0 else (-1, -(2**31))
            count = len(range(*slice(None, None, step).indices(size)))
        starts.append(start), ends.append(end), steps.append(step)
        shape[axis] = count
    values = [x, graph.ints(starts), graph.ints(ends), graph.ints([graph.axis(x.rank, a) for a in axes])]
    if any(s != 1 for s in steps) or graph.chance(0.5):
        values.append(graph.ints(steps))
    graph.move("Slice", values, x, shape)


@maker(3)
def pad(graph: Graph) -> None:
    x = graph.want(("float32", "int64", "int32", "float64"), (1, 4))
    mode = graph.rng.choice(["constant", "constant", "edge", "reflect"])
    if not x.size:
        return
    before, after, shape = [], [], []
    for size in x.shape:
        most = 3 if mode != "reflect" else max(0, min(3, size - 1))
        least = -1 if mode == "constant" and size > 3 and graph.chance(0.1) else 0
        before.append(graph.rng.randint(least, most) if graph.chance(0.5) else 0)
        after.append(graph.rng.randint(least, most) if graph.chance(0.5) else 0)
        shape.append(size + before[-1] + after[-1])
    if math.prod(shape) > MOST_ELEMENTS:
        return
    fill = graph.rng.choice([0, 0, 1, -2])
    values: List[Optional[Value]] = [x, graph.ints(before + after)]
    if mode == "constant" and graph.chance(0.7):
        values.append(graph.constant(fill, x.dtype))
    graph.move("Pad", values, x, shape, 2, low=-2, mode=mode)


@maker(2)
def expand(graph: Graph) -> None:
    x = moved(graph, 0, 4)
    shape = [graph.rng.randint(2, 4) if d == 1 and graph.chance(0.5) else d for d in x.shape]
    if graph.chance(0.3) and x.rank < 4:
        shape = [graph.rng.randint(1, 3)] + shape
    if math.prod(shape) > MOST_ELEMENTS:
        return
    other = graph.pick(lambda v: v.rank > 0 and list(v.shape) == list(np.broadcast_shapes(v.shape, x.shape))
                       if fits(v.shape, x.shape) else False)
    if other and graph.chance(0.5):
        sizes = graph.node("Shape", [other], values=[Value("", "int64", [other.rank], MOST_ELEMENTS)])[0]
        graph.move("Expand", [x, sizes], x, other.shape)
        return
    asked = [1 if graph.chance(0.2) and d == x.shape[i - len(shape)] else d for i, d in enumerate(shape)
             ] if len(shape) == x.rank else shape
    graph.move("Expand", [x, graph.ints(asked)], x, shape)


def fits(a: Sequence[int], b: Sequence[int]) -> bool:
    try:
        np.broadcast_shapes(tuple(a), tuple(b))
        return True
    except ValueError:
        return False


@maker(2)
def tile(graph: Graph) -> None:
    x = moved(graph)
    repeats = [graph.rng.choice([1, 1, 2, 3]) for _ in x.shape]
    shape = [d * r for d, r in zip(x.shape, repeats)]
    if math.prod(shape) <= MOST_ELEMENTS and x.dtype != "float16":
        graph.move("Tile", [x, graph.ints(repeats)], x, shape)


def indices(graph: Graph, shape: Sequence[int], size: int) -> Value:
    constant = graph.chance(0.5)
    array = graph.data(graph.rng.choice(["int64", "int32"]), shape, -size if graph.chance(0.4) else 0, size - 1)
    return graph.constant(array) if constant else graph.input(array)


@maker(4)
def gather(graph: Graph) -> None:
    x = moved(graph)
    axis = graph.rng.randrange(x.rank)
    places = indices(graph, graph.shape(0, 2)[:2], x.shape[axis]) if x.shape[axis] else None
    if places is None:
        return
    shape = x.shape[:axis] + places.shape + x.shape[axis + 1:]
    if math.prod(shape) <= MOST_ELEMENTS and len(shape) <= 5:
        graph.move("Gather", [x, places], x, shape, axis=graph.axis(x.rank, axis))


@maker(2)
def gather_elements(graph: Graph) -> None:
    x = moved(graph, 1, 4)
    if not x.size:
        return
    axis = graph.rng.randrange(x.rank)
    shape = [graph.rng.randint(1, d) if i != axis else graph.rng.randint(1, 6) for i, d in enumerate(x.shape)]
    graph.move("GatherElements", [x, indices(graph, shape, x.shape[axis])], x, shape, axis=graph.axis(x.rank, axis))


@maker(2)
def gather_nd(graph: Graph) -> None:
    x = moved(graph, 1, 4)
    if not x.size:
        return
    depth = graph.rng.randint(1, x.rank)
    lead = list(graph.shape(1, 2)[:2])
    columns = [graph.data("int64", lead, 0, x.shape[i] - 1) for i in range(depth)]
    places = np.stack(columns, -1)
    shape = lead + list(x.shape[depth:])
    if math.prod(shape) <= MOST_ELEMENTS and len(shape) <= 5:
        # A constant: the rank of the result depends on its last dimension.
        graph.move("GatherND", [x, graph.constant(places)], x, shape)


@maker(2)
def scatter(graph: Graph) -> None:
    x = graph.want(("float32", "int64", "int32"), (1, 4))
    if not x.size:
        return
    if graph.chance(0.5):
        axis = graph.rng.randrange(x.rank)
        shape = [graph.rng.randint(1, d) for d in x.shape]
        # No place twice: which of two would stay is not said.
        order = np.argsort(graph.data("float64", [d if i == axis else s for i, (d, s) in enumerate(zip(x.shape, shape))]),
                           axis).astype(np.int64)
        places = np.take(order, range(shape[axis]), axis)
        updates = graph.fresh(x.dtype, shape)
        given = graph.constant(places) if graph.chance(0.5) else graph.input(places)
        graph.move("ScatterElements", [x, given, updates], x, x.shape, updates.bound, low=updates.low,
                   axis=graph.axis(x.rank, axis))
        return
    depth = graph.rng.randint(1, x.rank)
    total = math.prod(x.shape[:depth])
    count = graph.rng.randint(1, min(total, 6))
    flat = graph.rng.sample(range(total), count)
    places = np.stack(np.unravel_index(flat, x.shape[:depth]), -1).astype(np.int64)
    updates = graph.fresh(x.dtype, [count, *x.shape[depth:]])
    graph.move("ScatterND", [x, graph.constant(places), updates], x, x.shape, updates.bound, low=updates.low)


@maker(2)
def blocks(graph: Graph) -> None:
    x = graph.want(("float32",), (4, 4))
    n, c, h, w = x.shape
    block = graph.rng.choice([2, 3])
    if graph.chance(0.5) and c % (block * block) == 0:
        graph.move("DepthToSpace", [x], x, [n, c // block**2, h * block, w * block], blocksize=block,
                   mode=graph.rng.choice(["DCR", "CRD"]))
    elif h % block == 0 and w % block == 0:
        graph.move("SpaceToDepth", [x], x, [n, c * block**2, h // block, w // block], blocksize=block)


@maker(2)
def shapes_as_data(graph: Graph) -> None:
    x = moved(graph, 1, 5)
    kind = graph.rng.choice(["shape", "size", "filled", "range"])
    if kind == "shape":
        attributes, rank = {}, x.rank
        if graph.opset >= 15 and graph.chance(0.4):
            start = graph.rng.randint(0, x.rank - 1)
            attributes, rank = {"start": start}, x.rank - start
        graph.node("Shape", [x], values=[Value("", "int64", [rank], max(x.shape))], **attributes)
    elif kind == "size":
        graph.node("Size", [x], values=[Value("", "int64", [], x.size)])
    elif kind == "filled":
        from onnx import numpy_helper
        sizes = graph.node("Shape", [x], values=[Value("", "int64", [x.rank], max(x.shape))])[0]
        number = np.array([graph.rng.randint(-3, 3)], graph.rng.choice(["float32", "int64", "int32"]))
        graph.node("ConstantOfShape", [sizes], values=[Value("", number.dtype.name, x.shape, 3, 0, True)],
                   value=numpy_helper.from_array(number))
    else:
        axis = graph.rng.randrange(x.rank)
        sizes = graph.node("Shape", [x], values=[Value("", "int64", [x.rank], max(x.shape))])[0]
        size = graph.move("Gather", [sizes, graph.constant(np.int64(axis))], sizes, [])
        graph.node("Range", [graph.constant(np.int64(0)), size, graph.constant(np.int64(1))],
                   values=[Value("", "int64", [x.shape[axis]], x.shape[axis])])


@maker(1)
def trilu(graph: Graph) -> None:
    x = graph.want(("float32", "int64", "float64"), (2, 4))
    if graph.opset < 14:
        return
    values = [x] + ([graph.constant(np.int64(graph.rng.randint(-2, 2)))] if graph.chance(0.6) else [])
    graph.move("Trilu", values, x, x.shape, 0, low=0, upper=graph.rng.randint(0, 1))


@maker(1)
def one_hot(graph: Graph) -> None:
    depth = graph.rng.randint(2, 5)
    places = indices(graph, graph.shape(1, 2), depth)
    axis = graph.rng.choice([-1, 0])
    dtype = graph.rng.choice(["float32", "int64"])
    if places.dtype == "int32" or dtype == "float32" and places.dtype != "int64":
        return
    values = graph.constant([0, graph.rng.randint(1, 3)], dtype)
    shape = places.shape + (depth,) if axis == -1 else (depth,) + places.shape
    graph.node("OneHot", [places, graph.constant(np.int64(depth)), values],
               values=[Value("", dtype, shape, 3, 0, True, 0)], axis=axis)


@maker(1)
def selections(graph: Graph) -> None:
    """What has dimensions that depend on data is an output at once: nothing is computed with it."""
    x = graph.want(("float32", "int64", "bool"), (1, 3), lambda v: v.is_exact)
    if not x.is_exact or x.dtype not in ("float32", "int64", "bool"):
        return
    places = graph.node("NonZero", [x], values=[Value("", "int64", [x.rank, 0], 64)])[0]
    graph.values.remove(places)
    graph.ends.append(places)
