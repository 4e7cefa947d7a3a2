"""Random graphs as they grow: values with what is known of them, and the ONNX nodes that make them.

A value knows its dimensions, a bound of its magnitude, and how far two right computations of it may lie apart. Integers,
truth values and floats that come about without rounding (movement of inputs, sums and products of small whole numbers) have
an error of 0: they are compared bit for bit, and only they may be rounded, compared or used as indices.
"""

import math
import random
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOATS = ("float32", "float64", "float16")
SIGNED = ("int64", "int32", "int16", "int8")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED

#: The distance between 1 and the next number, and below what whole numbers have no gaps.
UNIT = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10}
WHOLE = {"float64": 2.0**53, "float32": 2.0**24, "float16": 2.0**11}
#: What one operation may be wrong by, in units: functions are approximations with a few units of their own.
OPERATION = 16
#: No value that has lost more than this part of its digits is computed with.
NOISE = 1e-3
MOST_ELEMENTS = 4096


class Declined(Exception):
    """A node is not to be made: its operator is to be avoided."""


class Value:
    """A tensor in a graph."""

    def __init__(self, name: str, dtype: str, shape: Sequence[int], bound: float, error: float = 0.0,
                 whole: bool = False, low: Optional[float] = None) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = tuple(int(d) for d in shape)
        #: No element is larger, or less than `low`.
        self.bound = float(bound)
        self.low = -self.bound if low is None else float(low)
        self.error = float(error)
        self.whole = whole or dtype not in FLOATS

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    @property
    def is_exact(self) -> bool:
        return self.error == 0

    @property
    def is_fit(self) -> bool:
        """Whether it may be computed with: neither large nor noisy."""
        return not self.is_float or (self.bound <= 1e4 and self.error <= NOISE * max(self.bound, 1e-3))


class Graph:
    """A graph, or a body inside one, which grows node by node. Every choice comes from `random`."""

    def __init__(self, rng: random.Random, opset: int, outer: Optional["Graph"] = None,
                 avoid: FrozenSet[str] = frozenset()) -> None:
        self.rng = rng
        self.opset = opset
        self.outer = outer
        self.avoid = outer.avoid if outer else avoid
        self.values: List[Value] = []
        self.nodes: List[onnx.NodeProto] = []
        self.initializers: List[onnx.TensorProto] = []
        self.inputs: Dict[str, np.ndarray] = {}
        self.used: Dict[str, int] = {}
        #: Outputs that nothing else may read.
        self.ends: List[Value] = []
        self.root: Graph = outer.root if outer else self
        if not outer:
            self.count = 0
        self.depth: int = outer.depth + 1 if outer else 0

    # Names, inputs and constants.

    def name(self, prefix: str) -> str:
        self.root.count += 1
        return f"{prefix}{self.root.count}"

    def data(self, dtype: str, shape: Sequence[int], low: Optional[int] = None, high: Optional[int] = None) -> np.ndarray:
        """Elements of which the graph knows the bounds: whole numbers, or floats of a few kinds."""
        state = np.random.RandomState(self.rng.getrandbits(32))
        if dtype == "bool":
            return state.randint(0, 2, shape).astype(bool)
        if dtype in INTEGERS or low is not None:
            least = 0 if dtype in UNSIGNED else -5
            return state.randint(least if low is None else low, (6 if high is None else high) + 1, shape).astype(dtype)
        kind = self.rng.choice(["whole", "whole", "uniform", "normal", "sparse"])
        if kind == "whole":
            return state.randint(-4, 5, shape).astype(dtype)
        if kind == "uniform":
            return state.uniform(-2, 2, shape).astype(dtype)
        if kind == "normal":
            return np.clip(state.normal(0, 1, shape), -4, 4).astype(dtype)
        return (state.uniform(-2, 2, shape) * (state.uniform(0, 1, shape) < 0.5)).astype(dtype)

    def _value_of(self, name: str, array: np.ndarray) -> Value:
        size = float(np.abs(array.astype(np.float64)).max()) if array.size else 0.0
        low = float(array.astype(np.float64).min()) if array.size else 0.0
        whole = bool((array == np.rint(array)).all()) if array.dtype.kind == "f" else True
        return Value(name, array.dtype.name, array.shape, size, 0.0, whole, low)

    def input(self, array: np.ndarray) -> Value:
        """A new input of the whole model, with its data."""
        value = self._value_of(self.root.name("x"), np.asarray(array))
        self.root.inputs[value.name] = np.asarray(array)
        self.root.values.append(value)
        return value

    def constant(self, array: Any, dtype: Optional[str] = None) -> Value:
        array = np.asarray(array, dtype)
        value = self._value_of(self.name("c"), array)
        if self.rng.random() < 0.25:
            self.nodes.append(helper.make_node("Constant", [], [value.name],
                                               value=numpy_helper.from_array(array, value.name)))
        else:
            self.initializers.append(numpy_helper.from_array(array, value.name))
        return value

    def ints(self, numbers: Sequence[int]) -> Value:
        """A list of sizes, axes or places: a constant, or sometimes an input that the run reads."""
        return self.constant(np.array(numbers, np.int64))

    def fresh(self, dtype: str, shape: Sequence[int], constant: Optional[bool] = None, **bounds: int) -> Value:
        array = self.data(dtype, shape, **bounds)
        if constant is None:
            constant = self.rng.random() < 0.4
        return self.constant(array) if constant else self.input(array)

    # Choices.

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def visible(self) -> List[Value]:
        outer = self.outer.visible() if self.outer else []
        return outer + self.values

    def pick(self, accepts: Callable[[Value], bool] = lambda v: True, dtypes: Optional[Sequence[str]] = None,
             ) -> Optional[Value]:
        """A value that is there, the last ones more often."""
        fitting = [v for v in self.visible() if v.is_fit and (dtypes is None or v.dtype in dtypes) and accepts(v)]
        if not fitting:
            return None
        at = int(len(fitting) * (1 - self.rng.random() ** 2))
        return fitting[min(at, len(fitting) - 1)]

    def want(self, dtypes: Sequence[str], rank: Optional[Tuple[int, int]] = None,
             accepts: Callable[[Value], bool] = lambda v: True) -> Value:
        """A value that is there, or a new input."""
        low, high = rank or (0, 5)
        found = self.pick(lambda v: low <= v.rank <= high and accepts(v), dtypes)
        if found and self.chance(0.9):
            return found
        for _ in range(5):
            made = self.fresh(self.rng.choice(list(dtypes[:2])), self.shape(low, high), constant=False)
            if accepts(made):
                return made
        return found or made

    def dim(self) -> int:
        return self.rng.choice([1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17])

    def shape(self, low: int, high: int) -> Tuple[int, ...]:
        rank = self.rng.randint(low, min(high, 4)) if low <= 4 else low
        while True:
            dims = tuple(self.dim() for _ in range(rank))
            if math.prod(dims) <= MOST_ELEMENTS:
                return dims

    def axis(self, rank: int, axis: int) -> int:
        """The axis, sometimes counted from the end."""
        return axis - rank if self.chance(0.3) else axis

    def partner(self, value: Value, dtype: Optional[str] = None, **bounds: int) -> Value:
        """A value that can be broadcast with another."""
        dtype = dtype or value.dtype

        def is_near(other: Value) -> bool:
            try:
                shape = np.broadcast_shapes(other.shape, value.shape)
            except ValueError:
                return False
            return math.prod(shape) <= MOST_ELEMENTS

        if not bounds and self.chance(0.6):
            found = self.pick(is_near, [dtype])
            if found:
                return found
        shape = [d if self.chance(0.75) else 1 for d in value.shape]
        if self.chance(0.3):
            shape = shape[self.rng.randint(0, len(shape)):]
        if self.chance(0.1) and value.rank < 4 and value.size <= MOST_ELEMENTS // 3:
            shape = [self.rng.randint(1, 3)] + [1] * (value.rank - len(shape)) + shape
        return self.fresh(dtype, shape, **bounds)

    # Nodes.

    def node(self, op: str, inputs: Sequence[Optional[Value]], results: Sequence[Tuple[str, Sequence[int]]] = (),
             values: Optional[Sequence[Value]] = None, domain: str = "", **attributes: Any) -> List[Value]:
        """A node; its results are given by type and dimensions and filled in by the caller, or as values."""
        if op in self.avoid:
            raise Declined
        names = [v.name if v else "" for v in inputs]
        while names and not names[-1]:
            names.pop()
        if values is None:
            values = [Value("", dtype, shape, 0) for dtype, shape in results]
        for value in values:
            value.name = self.name("v")
        for name in names:
            self.root.used[name] = self.root.used.get(name, 0) + 1
        self.nodes.append(helper.make_node(op, names, [v.name for v in values], name=self.name(op), domain=domain,
                                           **attributes))
        self.values.extend(values)
        return list(values)

    def move(self, op: str, inputs: Sequence[Optional[Value]], source: Value, shape: Sequence[int],
             bound: Optional[float] = None, low: Optional[float] = None, **attributes: Any) -> Value:
        """A node that computes nothing: its result has the elements of `source`, and sometimes others within `bound`."""
        bound = source.bound if bound is None else max(bound, source.bound)
        low = source.low if low is None else min(low, source.low)
        value = Value("", source.dtype, shape, bound, source.error, source.whole, low)
        return self.node(op, inputs, values=[value], **attributes)[0]

    def compute(self, op: str, inputs: Sequence[Optional[Value]], shape: Sequence[int], bound: float, error: float = 0.0,
                whole: bool = False, dtype: Optional[str] = None, terms: int = 1, low: Optional[float] = None,
                **attributes: Any) -> Value:
        """A node that computes. `error` is what the errors of its inputs come to; `whole`, that whole inputs give a whole
        result; `terms`, how many roundings it has, beyond one."""
        dtype = dtype or inputs[0].dtype
        if dtype not in FLOATS:
            return self.node(op, inputs, values=[Value("", dtype, shape, bound, 0, True, low)], **attributes)[0]
        if not (whole and error == 0 and bound <= WHOLE[dtype] and all(v is None or v.whole for v in inputs)):
            error += UNIT[dtype] * (OPERATION + terms) * max(bound, 1e-6)
            whole = False
        return self.node(op, inputs, values=[Value("", dtype, shape, bound, error, whole, low)], **attributes)[0]

    # The end.

    def sinks(self) -> List[Value]:
        return [v for v in self.values if not self.root.used.get(v.name) and v.name not in self.root.inputs]


def type_of(dtype: str) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype)) if hasattr(helper, "np_dtype_to_tensor_dtype") else \
        onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)]


def value_info(value: Value, dims: Optional[Sequence[Any]] = None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(value.name, type_of(value.dtype), list(value.shape if dims is None else dims))


class Case:
    """A model with inputs, and for each output how far results may lie apart. If it failed once, the configurations in
    which it did."""

    def __init__(self, model: onnx.ModelProto, inputs: Dict[str, np.ndarray], errors: Dict[str, float],
                 configurations: Sequence[str] = ()) -> None:
        self.model = model
        self.inputs = inputs
        self.errors = errors
        self.configurations = list(configurations)


def finish(graph: Graph, name: str) -> Case:
    """The model of a graph: some dimensions of inputs have names, some are not known."""
    outputs = graph.sinks() + graph.ends
    others = [v for v in graph.values if v not in outputs and v.name not in graph.inputs]
    outputs += [v for v in others if graph.chance(0.1)]
    symbols: Dict[int, str] = {}
    inputs = []
    dynamic = graph.rng.choice([0.0, 0.3, 0.7])
    for value_name, array in graph.inputs.items():
        dims: List[Any] = []
        for i, dim in enumerate(array.shape):
            if not graph.chance(dynamic):
                dims.append(dim)
            elif graph.chance(0.5) and dim != 1:
                dims.append(symbols.setdefault(dim, f"S{dim}"))
            else:
                dims.append(f"{value_name}_{i}")
        inputs.append(value_info(Value(value_name, array.dtype.name, array.shape, 0), dims))
    results = [helper.make_tensor_value_info(v.name, type_of(v.dtype), [None] * v.rank) for v in outputs]
    proto = helper.make_graph(graph.nodes, name, inputs, results, graph.initializers)
    imports = [helper.make_opsetid("", graph.opset), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(proto, opset_imports=imports, producer_name="tenon-fuzz")
    model.ir_version = 8
    # Two right results may lie on either side of the truth.
    return Case(model, graph.inputs, {v.name: 2 * v.error if v.is_float else 0.0 for v in graph.values + graph.ends})
