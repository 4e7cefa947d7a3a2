"""Computes the graph of a sample model node by node with the functions of a framework: of numpy, or of torch.

A value is a tensor of the framework, or a numpy array where it is known without the network's inputs' data: what is computed
of shapes is computed at once, and so a tracing compiler sees nothing but operations on tensors.
"""

import json
import math

import numpy as np
from seeded import stepped


class Network:
    """A graph as utils/gpu/graphs.py writes it: nodes, and weights by seeds or as arrays."""

    def __init__(self, path):
        with open(path + ".json", encoding="utf-8") as file:
            content = json.load(file)
        self.inputs, self.outputs = content["inputs"], content["outputs"]
        self.nodes, self.seeded = content["nodes"], content["seeded"]
        with np.load(path + ".npz") as arrays:
            self.arrays = {name: arrays[key] for name, key in content["arrays"].items()}
            self.constants = {name: arrays[key] for name, key in content["constants"].items()}

    def weights(self):
        """All weights by name, as numpy arrays."""
        return {**{name: stepped(**numbers) for name, numbers in self.seeded.items()}, **self.arrays}


class Computation:
    """A network for a framework: call it with the inputs' tensors in order, and it gives the outputs' in order."""

    def __init__(self, network, framework, weights):
        self.network = network
        self.framework = framework
        self.weights = weights
        self.counts = False
        self.last_use = {}
        for i, node in enumerate(network.nodes):
            self.last_use.update((name, i) for name in node["inputs"])
        #: Multiplications and additions of matrix products and convolutions in the last run that counted.
        self.flops = 0

    def count(self, *inputs):
        """As a call, and counts what it does."""
        self.flops, self.counts = 0, True
        results = self(*inputs)
        self.counts = False
        return results

    def __call__(self, *inputs):
        values = {**self.network.constants, **self.weights, **dict(zip(self.network.inputs, inputs))}
        for i, node in enumerate(self.network.nodes):
            operands = [values[name] if name else None for name in node["inputs"]]
            results = self.run(node["op"], operands, node["attributes"])
            values.update(zip(node["outputs"], results))
            for name in node["inputs"]:
                if name and self.last_use[name] == i and name not in self.network.outputs:
                    values.pop(name, None)
        return tuple(values[name] for name in self.network.outputs)

    def run(self, op, operands, attributes):
        """The results of one node."""
        if op == "Shape":
            return [np.array(operands[0].shape, np.int64)]
        known = all(x is None or isinstance(x, np.ndarray) for x in operands)
        framework = NUMPY if known else self.framework
        result = getattr(framework, op)(*operands, **attributes)
        if self.counts and op in ("Attention", "Conv", "ConvTranspose", "Gemm", "Linear", "MatMul"):
            self.flops += count_flops(op, operands, result, attributes)
        results = list(result) if isinstance(result, (list, tuple)) else [result]
        # Arithmetic of numpy makes numbers of arrays without dimensions.
        return [np.asarray(x) for x in results] if known else results


def count_flops(op, operands, result, attributes):
    """Of a product: two for each multiplication."""
    size = math.prod(result.shape)
    if op == "Conv":
        return 2 * size * math.prod(operands[1].shape[1:])
    if op == "ConvTranspose":
        return 2 * math.prod(operands[0].shape) * math.prod(operands[1].shape[1:])
    if op == "Attention":
        return 2 * size * operands[2].shape[-2] + 2 * math.prod(operands[0].shape) * operands[1].shape[-1]
    return 2 * size * operands[0].shape[-2 if attributes.get("transA") else -1]


def integers(array):
    return [int(n) for n in np.asarray(array).reshape(-1)]


def reshaped(shape, x):
    """ONNX's shapes: 0 keeps a dimension."""
    return [x.shape[i] if n == 0 else n for i, n in enumerate(integers(shape))]


class Framework:
    """The operators that are the same in all frameworks."""

    def known(self, x, other):
        """`x` as an operand beside the tensor `other`."""
        return x

    def pair(self, a, b):
        return self.known(a, b), self.known(b, a)

    def Add(self, a, b):
        a, b = self.pair(a, b)
        return a + b

    def Sub(self, a, b):
        a, b = self.pair(a, b)
        return a - b

    def Mul(self, a, b):
        a, b = self.pair(a, b)
        return a * b

    def Div(self, a, b):
        a, b = self.pair(a, b)
        return a / b

    def Pow(self, a, b):
        a, b = self.pair(a, b)
        return a**b

    def Equal(self, a, b):
        a, b = self.pair(a, b)
        return a == b

    def Reshape(self, x, shape):
        return x.reshape(reshaped(shape, x))

    def Flatten(self, x, axis=1):
        return x.reshape([math.prod(x.shape[:axis]), math.prod(x.shape[axis:])])

    def Unsqueeze(self, x, axes):
        shape = list(x.shape)
        rank = len(shape) + np.size(axes)
        for axis in sorted(n % rank for n in integers(axes)):
            shape.insert(axis, 1)
        return x.reshape(shape)

    def Squeeze(self, x, axes):
        gone = [n % len(x.shape) for n in integers(axes)]
        return x.reshape([n for i, n in enumerate(x.shape) if i not in gone])

    def Slice(self, x, starts, ends, axes=None, steps=None):
        axes = range(len(starts)) if axes is None else integers(axes)
        steps = [1] * len(starts) if steps is None else integers(steps)
        at = [slice(None)] * len(x.shape)
        for start, end, axis, step in zip(integers(starts), integers(ends), axes, steps):
            if step < 1:
                raise ValueError("a slice backwards")
            at[axis] = slice(start, end, step)
        return x[tuple(at)]

    def Split(self, x, sizes, axis=0):
        parts, begin = [], 0
        for size in integers(sizes):
            parts.append(self.Slice(x, [begin], [begin + size], [axis]))
            begin += size
        return parts

    def Gemm(self, a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
        if alpha != 1.0 or beta != 1.0 or transA:
            raise ValueError("a Gemm with factors")
        product = self.MatMul(a, self.Transpose(b, perm=[1, 0]) if transB else b)
        return product if c is None else self.Add(product, c)

    def Linear(self, x, weight, bias):
        return self.Add(self.MatMul(x, weight), bias)


class Numpy(Framework):
    """By numpy: what is known, and all for tests."""

    def Cast(self, x, to):
        return x.astype({1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_}[to])

    def Gather(self, x, indices, axis=0):
        return np.take(x, indices, axis)

    def Concat(self, *parts, axis):
        return np.concatenate(parts, axis)

    def Range(self, start, end, step):
        return np.arange(start, end, step)

    def ConstantOfShape(self, shape, value=0.0):
        return np.full(integers(shape), value)

    def Where(self, condition, a, b):
        return np.where(condition, a, b)

    def Expand(self, x, shape):
        return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(integers(shape))))

    def Transpose(self, x, perm):
        return x.transpose(perm)

    def MatMul(self, a, b):
        return a @ b

    def Sqrt(self, x):
        return np.sqrt(x)

    def Tanh(self, x):
        return np.tanh(x)

    def Erf(self, x):
        return np.vectorize(math.erf, otypes=[np.float32])(x)

    def Gelu(self, x, approximate):
        if approximate == "tanh":
            return x / 2 * (1 + np.tanh(np.sqrt(np.float32(2 / np.pi)) * (x + np.float32(0.044715) * x**3)))
        return x / 2 * (1 + self.Erf(x / np.sqrt(np.float32(2))))

    def Relu(self, x):
        return np.maximum(x, 0)

    def Attention(self, query, key, value, divisor=None, keep=None, mask=None):
        scores = query @ key / (1 if divisor is None else divisor)
        scores = scores if keep is None else np.where(keep, scores, np.finfo(np.float32).min)
        return self.Softmax(scores if mask is None else scores + mask) @ value

    def Softmax(self, x, axis=-1):
        powers = np.exp(x - x.max(axis, keepdims=True))
        return powers / powers.sum(axis, keepdims=True)

    def ReduceMean(self, x, axes, keepdims=1):
        return x.mean(tuple(axes), keepdims=bool(keepdims))

    def LayerNormalization(self, x, scale, bias, axis=-1, epsilon=1e-5):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(epsilon)) * scale + bias

    def BatchNormalization(self, x, scale, bias, mean, variance, epsilon=1e-5, momentum=0.9):
        scale = scale / np.sqrt(variance + np.float32(epsilon))
        return x * scale.reshape(-1, 1, 1) + (bias - mean * scale).reshape(-1, 1, 1)

    def windows(self, x, kernel, strides, pads, fill=0.0):
        x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=fill)
        return np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))[:, :, :: strides[0], :: strides[1]]

    def Conv(self, x, weight, bias=None, kernel_shape=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
        view = self.windows(x, weight.shape[2:], strides, pads)
        y = np.tensordot(view, weight, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        return y if bias is None else y + bias.reshape(-1, 1, 1)

    def ConvTranspose(self, x, weight, bias=None, kernel_shape=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1),
                      group=1):
        if tuple(strides) != weight.shape[2:] or any(pads):
            raise ValueError("a transposed convolution whose windows overlap")
        n, _, h, w = x.shape
        y = np.tensordot(x, weight, ((1,), (0,))).transpose(0, 3, 1, 4, 2, 5)
        y = y.reshape(n, weight.shape[1], h * strides[0], w * strides[1])
        return y if bias is None else y + bias.reshape(-1, 1, 1)

    def MaxPool(self, x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0)):
        return self.windows(x, kernel_shape, strides, pads, -np.inf).max((4, 5))

    def GlobalAveragePool(self, x):
        return x.mean((2, 3), keepdims=True)


NUMPY = Numpy()
