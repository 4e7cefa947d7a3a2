"""Pointwise nodes of random graphs: functions of one value, arithmetic, comparisons, conversions."""

import math
from typing import Callable, List, Tuple

import numpy as np

from graph import FLOATS, INTEGERS, MOST_ELEMENTS, Graph, Value, type_of

Maker = Callable[[Graph], object]
MAKERS: List[Tuple[float, Maker]] = []


def maker(weight: float) -> Callable[[Maker], Maker]:
    """Registers a function that adds nodes to a graph; it may also decline by adding none."""
    def register(function: Maker) -> Maker:
        MAKERS.append((weight, function))
        return function
    return register


#: Function, the largest slope, a bound of its result by the input's, and the least opset.
SMOOTH = {
    "LeakyRelu": (1, lambda b: b, 6), "Elu": (1, lambda b: max(b, 1), 6), "Selu": (1.8, lambda b: 1.8 * max(b, 1), 6),
    "Sigmoid": (0.25, lambda b: 1, 6), "Tanh": (1, lambda b: 1, 6), "Erf": (1.2, lambda b: 1, 9),
    "Softplus": (1, lambda b: b + 0.7, 1), "Softsign": (1, lambda b: 1, 1), "HardSigmoid": (0.2, lambda b: 1, 6),
    "HardSwish": (1.5, lambda b: b, 14), "Sin": (1, lambda b: 1, 7), "Cos": (1, lambda b: 1, 7),
    "Atan": (1, lambda b: 1.6, 7), "Asinh": (1, lambda b: math.asinh(b), 9), "Celu": (1, lambda b: max(b, 1), 12),
    "Mish": (1.1, lambda b: b, 18), "Gelu": (1.2, lambda b: b, 20),
}


@maker(4)
def smooth(graph: Graph) -> None:
    name, (slope, bound, least) = graph.rng.choice(list(SMOOTH.items()))
    if graph.opset < least:
        return
    wide = name in ("Sigmoid", "Tanh", "Sin", "Cos") and graph.chance(0.2)
    x = graph.want(("float32", "float64") if wide else ("float32",))
    attributes = {}
    if name in ("LeakyRelu", "Elu", "Celu") and graph.chance(0.5):
        attributes = {"alpha": graph.rng.choice([0.125, 0.5, 1.0])}
    if name == "HardSigmoid" and graph.chance(0.5):
        attributes = {"alpha": 0.25, "beta": 0.5}
    if name == "Gelu" and graph.chance(0.5):
        attributes = {"approximate": "tanh"}
    # The angle of a large argument loses digits.
    error = slope * x.error * 1.01
    graph.compute(name, [x], x.shape, bound(max(x.bound, 1e-3)), error, **attributes)


@maker(3)
def guarded(graph: Graph) -> None:
    """Functions that need their argument in a range: it is made so first."""
    name = graph.rng.choice(["Exp", "Log", "Sqrt", "Reciprocal", "Pow", "Div"])
    x = graph.want(("float32",))
    if name == "Exp":
        low, high = graph.constant(np.float32(-4)), graph.constant(np.float32(2))
        x = graph.compute("Clip", [x, low, high], x.shape, 4, x.error, whole=True)
        graph.compute("Exp", [x], x.shape, 7.4, 7.4 * x.error)
        return
    positive = graph.compute("Abs", [x], x.shape, x.bound, x.error, whole=True, low=0)
    shift = graph.constant(np.float32(graph.rng.choice([0.5, 1.0, 2.0])))
    x = graph.compute("Add", [positive, shift], x.shape, x.bound + 2, x.error, whole=True, low=0.5)
    if name == "Log":
        graph.compute(name, [x], x.shape, max(1, math.log(x.bound + 1)), 2 * x.error)
    elif name == "Sqrt":
        graph.compute(name, [x], x.shape, math.sqrt(x.bound), x.error)
    elif name == "Reciprocal":
        graph.compute(name, [x], x.shape, 2, 4 * x.error)
    elif name == "Div":
        y = graph.partner(x)
        shape = np.broadcast_shapes(x.shape, y.shape)
        if math.prod(shape) <= MOST_ELEMENTS:
            graph.compute("Div", [y, x], shape, 2 * y.bound, 2 * y.error + 4 * y.bound * x.error)
    else:
        power = graph.rng.choice([-1.0, 0.5, 2.0, 3.0, 1.5, -0.5, 0.0, 1.0])
        if x.bound > 50:
            return
        bound = max(x.bound**power, 0.5**power, 1)
        slope = abs(power) * max(x.bound ** (power - 1), 0.5 ** (power - 1))
        graph.compute("Pow", [x, graph.constant(np.float32(power))], x.shape, bound, slope * x.error)


@maker(3)
def exact_unary(graph: Graph) -> None:
    name = graph.rng.choice(["Relu", "Neg", "Abs", "Identity", "Floor", "Ceil", "Round", "Sign", "ThresholdedRelu", "Clip",
                             "Not", "BitwiseNot", "IsNaN"])
    if name == "Not":
        x = graph.want(("bool",))
        graph.move(name, [x], x, x.shape)
        return
    if name == "BitwiseNot":
        x = graph.want(("int32", "int64", "uint8", "int8"))
        if graph.opset >= 18 and x.dtype != "uint8":
            graph.move(name, [x], x, x.shape, x.bound + 1)
        return
    if name in ("Floor", "Ceil", "Round", "Sign", "ThresholdedRelu", "IsNaN"):
        x = graph.want(("float32", "float64") if name != "ThresholdedRelu" else ("float32",), accepts=lambda v: v.is_exact)
        if not x.is_exact:
            return
        if name == "IsNaN":
            graph.compute(name, [x], x.shape, 1, dtype="bool")
        elif name == "ThresholdedRelu":
            graph.move(name, [x], x, x.shape, alpha=graph.rng.choice([0.0, 1.0, 1.5]))
        else:
            value = Value("", x.dtype, x.shape, x.bound + 1, 0, True)
            graph.node(name, [x], values=[value])
        return
    types = ("float32", "int64", "int32", "float64", "int8") if name in ("Neg", "Abs", "Identity") else ("float32", "float64")
    if name == "Clip" and graph.opset >= 12:
        types = ("float32", "int32", "int64", "float64", "uint8", "int8")
    x = graph.want(types)
    if name == "Clip":
        low, high = sorted(graph.rng.sample(range(0 if x.dtype == "uint8" else -4, 6), 2))
        limits = [graph.constant(low, x.dtype) if graph.chance(0.8) else None,
                  graph.constant(high, x.dtype) if graph.chance(0.8) else None]
        graph.move(name, [x] + limits, x, x.shape, 6)
        return
    graph.move(name, [x], x, x.shape, x.bound, low=-x.bound if name == "Neg" else None)


def arithmetic_of(graph: Graph, name: str, x: Value, y: Value) -> None:
    shape = np.broadcast_shapes(x.shape, y.shape)
    if math.prod(shape) > MOST_ELEMENTS:
        return
    if name == "Mul":
        bound, error = x.bound * y.bound, x.bound * y.error + y.bound * x.error
    elif name in ("Min", "Max"):
        value = Value("", x.dtype, shape, max(x.bound, y.bound), max(x.error, y.error), x.whole and y.whole)
        graph.node(name, [x, y], values=[value])
        return
    else:
        bound, error = x.bound + y.bound, x.error + y.error
    if not x.is_float and bound > (2**31 - 1 if x.dtype == "int32" else 2**62):
        return
    graph.compute(name, [x, y], shape, bound, error, whole=True)


@maker(7)
def arithmetic(graph: Graph) -> None:
    name = graph.rng.choice(["Add", "Sub", "Mul", "Add", "Mul", "Min", "Max"])
    x = graph.want(("float32", "int64", "float32", "int32", "float64"), accepts=lambda v: v.size <= MOST_ELEMENTS)
    y = graph.partner(x)
    if graph.chance(0.5):
        x, y = y, x
    if name in ("Min", "Max") and graph.opset < 12 and not x.is_float:
        return
    arithmetic_of(graph, name, x, y)


@maker(1)
def variadic(graph: Graph) -> None:
    name = graph.rng.choice(["Sum", "Mean", "Min", "Max"])
    x = graph.want(("float32",))
    values = [x] + [graph.partner(x) for _ in range(graph.rng.randint(0, 3))]
    try:
        shape = np.broadcast_shapes(*(v.shape for v in values))
    except ValueError:
        return
    if math.prod(shape) > MOST_ELEMENTS:
        return
    bound, error = sum(v.bound for v in values), sum(v.error for v in values)
    if name in ("Min", "Max"):
        graph.node(name, values, values=[Value("", x.dtype, shape, max(v.bound for v in values),
                                               max(v.error for v in values), all(v.whole for v in values))])
    else:
        graph.compute(name, values, shape, bound, error, whole=name == "Sum")


@maker(2)
def integer_division(graph: Graph) -> None:
    name = graph.rng.choice(["Div", "Mod", "Mod"])
    x = graph.want(("int64", "int32") if name == "Div" else ("int64", "int32", "int8", "uint8"))
    y = graph.partner(x, low=1, high=5)
    shape = np.broadcast_shapes(x.shape, y.shape)
    if math.prod(shape) > MOST_ELEMENTS:
        return
    if name == "Div":
        # The quotient of ints is cut towards zero.
        graph.compute(name, [x, y], shape, x.bound)
    else:
        graph.compute(name, [x, y], shape, max(x.bound, 5), fmod=graph.rng.randint(0, 1))


@maker(1)
def bits(graph: Graph) -> None:
    if graph.chance(0.5):
        x = graph.want(("uint8", "uint32", "uint64"), accepts=lambda v: v.dtype in ("uint8", "uint32", "uint64"))
        y = graph.partner(x, low=0, high=3)
        shape = np.broadcast_shapes(x.shape, y.shape)
        if math.prod(shape) <= MOST_ELEMENTS:
            graph.compute("BitShift", [x, y], shape, 255, direction=graph.rng.choice(["LEFT", "RIGHT"]))
    elif graph.opset >= 18:
        x = graph.want(("int32", "int64", "uint8"))
        y = graph.partner(x)
        shape = np.broadcast_shapes(x.shape, y.shape)
        if math.prod(shape) <= MOST_ELEMENTS:
            name = graph.rng.choice(["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
            graph.compute(name, [x, y], shape, 4 * max(x.bound, y.bound, 1))


@maker(3)
def compare(graph: Graph) -> None:
    name = graph.rng.choice(["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"])
    if name.endswith("OrEqual") and graph.opset < 12:
        return
    x = graph.want(("float32", "int64", "int32", "float64"), accepts=lambda v: v.is_exact)
    y = graph.partner(x)
    if not (x.is_exact and y.is_exact):
        return
    shape = np.broadcast_shapes(x.shape, y.shape)
    if math.prod(shape) <= MOST_ELEMENTS:
        graph.compute(name, [x, y], shape, 1, dtype="bool")


@maker(2)
def logic(graph: Graph) -> None:
    x = graph.want(("bool",))
    y = graph.partner(x)
    shape = np.broadcast_shapes(x.shape, y.shape)
    if math.prod(shape) <= MOST_ELEMENTS:
        graph.compute(graph.rng.choice(["And", "Or", "Xor"]), [x, y], shape, 1)


@maker(3)
def where(graph: Graph) -> None:
    x = graph.want(("float32", "int64", "int32", "uint8", "float64"))
    y, condition = graph.partner(x), graph.partner(x, "bool")
    try:
        shape = np.broadcast_shapes(x.shape, y.shape, condition.shape)
    except ValueError:
        return
    if math.prod(shape) <= MOST_ELEMENTS:
        graph.node("Where", [condition, x, y], values=[
            Value("", x.dtype, shape, max(x.bound, y.bound), max(x.error, y.error), x.whole and y.whole)])


@maker(3)
def cast(graph: Graph) -> None:
    x = graph.want(FLOATS + INTEGERS + ("bool",))
    to = graph.rng.choice(["float32", "float32", "int64", "int32", "float64", "uint8", "int8", "bool", "float16"])
    if to == x.dtype:
        return
    if to in FLOATS:
        # From float64, f16 is rounded twice by some.
        if to == "float16" and (x.bound > 1000 or x.dtype == "float64"):
            return
        graph.compute("Cast", [x], x.shape, x.bound, x.error, whole=True, dtype=to, to=type_of(to))
    elif to == "bool":
        if x.is_exact:
            graph.compute("Cast", [x], x.shape, 1, dtype=to, to=type_of(to))
    elif x.is_exact and x.bound <= 100 and (x.low >= 0 or to not in ("uint8",)):
        graph.compute("Cast", [x], x.shape, x.bound, dtype=to, to=type_of(to))


@maker(1)
def prelu(graph: Graph) -> None:
    x = graph.want(("float32",), (1, 4))
    slope = graph.fresh("float32", [d if graph.chance(0.6) else 1 for d in x.shape[graph.rng.randint(0, x.rank - 1):]])
    graph.compute("PRelu", [x, slope], x.shape, x.bound * max(slope.bound, 1), x.error * max(slope.bound, 1), whole=True)
