"""What the transformer builders share, written node by node as exporters of eager frameworks emit it."""

import numpy as np

from onnx_graph import Graph


class Transformer(Graph):
    """A graph with the decomposed operators and the shape arithmetic of exported transformers."""

    def vector(self, name, size, std, mean=0.0):
        return self.random_weight(name, (size,), std, mean)

    def dimension(self, x, axis):
        """The size of `x` along `axis`, as a scalar."""
        return self.node("Gather", self.node("Shape", x), self.constant(axis, np.int64), axis=0)

    def shape(self, *dims):
        """A shape tensor from scalars (names of tensors) and numbers."""
        parts = []
        for dim in dims:
            if isinstance(dim, str):
                parts.append(self.node("Unsqueeze", dim, self.constant([0], np.int64)))
            else:
                parts.append(self.constant([dim], np.int64))
        return self.node("Concat", *parts, axis=0)

    def reshape(self, x, *dims):
        return self.node("Reshape", x, self.shape(*dims))

    def matmul_weight(self, features_in, features_out, gain=1.0, name="weight"):
        return self.random_weight(name, (features_in, features_out), gain / np.sqrt(features_in))

    def linear(self, x, features_in, features_out, gain=1.0):
        """A linear layer over the last axis: MatMul, then Add with the bias first, as exporters order it."""
        product = self.node("MatMul", x, self.matmul_weight(features_in, features_out, gain))
        return self.node("Add", self.vector("bias", features_out, 0.05), product)

    def gemm(self, x, features_in, features_out, gain=1.0):
        """A linear layer of rank two whose weight is stored transposed."""
        weight = self.random_weight("weight", (features_out, features_in), gain / np.sqrt(features_in))
        return self.node("Gemm", x, weight, self.vector("bias", features_out, 0.05), alpha=1.0, beta=1.0, transB=1)

    def layer_norm(self, x, features, epsilon):
        """Layer normalisation over the last axis as its nine elementary nodes."""
        mean = self.node("ReduceMean", x, axes=[-1])
        centred = self.node("Sub", x, mean)
        variance = self.node("ReduceMean", self.node("Pow", centred, self.constant(2.0)), axes=[-1])
        deviation = self.node("Sqrt", self.node("Add", variance, self.constant(epsilon)))
        scaled = self.node("Mul", self.node("Div", centred, deviation), self.vector("weight", features, 0.2, 1.0))
        return self.node("Add", scaled, self.vector("bias", features, 0.1))

    def gelu(self, x):
        """The exact GELU by Erf."""
        erf = self.node("Erf", self.node("Div", x, self.constant(1.4142135381698608)))
        product = self.node("Mul", x, self.node("Add", erf, self.constant(1.0)))
        return self.node("Mul", product, self.constant(0.5))

    def gelu_tanh(self, x):
        """The GELU by tanh that GPT-2 uses."""
        half = self.node("Mul", x, self.constant(0.5))
        cubed = self.node("Mul", self.node("Pow", x, self.constant(3.0)), self.constant(0.044714998453855515))
        inner = self.node("Mul", self.node("Add", x, cubed), self.constant(0.7978845834732056))
        return self.node("Mul", half, self.node("Add", self.node("Tanh", inner), self.constant(1.0)))
