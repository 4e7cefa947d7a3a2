"""The operators of sample models by torch, on its device."""

import numpy as np
import torch
import torch.nn.functional as functional

from network import Framework, integers


class Torch(Framework):
    """`dtype` is the type of all floats: float32 or float16."""

    def __init__(self, device, dtype):
        self.device, self.dtype = device, dtype
        self.made = {}

    def tensor(self, array):
        """An array of numpy on the device; floats get the framework's type, weights of convolutions channels last."""
        tensor = torch.from_numpy(np.array(array)).to(self.device)
        tensor = tensor.to(self.dtype) if tensor.is_floating_point() else tensor
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor

    def known(self, x, other=None):
        """A known array as a number if it is one, else as `as_tensor`."""
        if not isinstance(x, np.ndarray) or x.size != 1 or x.ndim > 1:
            return self.as_tensor(x)
        # The lowest number, which masks have, would be an infinity in fp16, and its product with 0 not a number.
        limit = torch.finfo(self.dtype).max
        return max(-limit, min(limit, x.item())) if x.dtype.kind == "f" else x.item()

    def as_tensor(self, x):
        """A known array as a tensor, which is made once: at the first run, before others are traced or recorded."""
        if not isinstance(x, np.ndarray):
            return x
        key = (x.dtype.str, x.shape, x.tobytes())
        if key not in self.made:
            self.made[key] = self.tensor(x)
        return self.made[key]

    def Cast(self, x, to):
        return x.to({1: self.dtype, 6: torch.int32, 7: torch.int64, 9: torch.bool}[to])

    def Gather(self, x, indices, axis=0):
        x = self.as_tensor(x)
        if isinstance(indices, np.ndarray) and indices.ndim == 0:
            return x.select(axis, int(indices))
        indices = self.as_tensor(indices)
        if axis == 0 and x.dim() == 2:
            return functional.embedding(indices, x)
        shape = list(x.shape[:axis]) + list(indices.shape) + list(x.shape[axis + 1 :])
        return x.index_select(axis, indices.reshape(-1)).reshape(shape)

    def Concat(self, *parts, axis):
        return torch.cat([self.as_tensor(part) for part in parts], axis)

    def Where(self, condition, a, b):
        return torch.where(self.as_tensor(condition), *(self.scalar(x) for x in (a, b)))

    def scalar(self, x):
        """As a tensor of the floats' type, also if it is a known number."""
        x = self.known(x)
        return x if isinstance(x, torch.Tensor) else self.as_tensor(np.array(x, np.float32))

    def Expand(self, x, shape):
        return x.expand(torch.broadcast_shapes(tuple(x.shape), tuple(integers(shape))))

    def Transpose(self, x, perm):
        return x.permute(perm)

    def MatMul(self, a, b):
        return torch.matmul(a, b)

    def Gemm(self, a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
        if alpha != 1.0 or beta != 1.0 or transA or c is None:
            raise ValueError("a Gemm with factors")
        return functional.linear(a, b, c) if transB else torch.addmm(c, a, b)

    def Linear(self, x, weight, bias):
        return functional.linear(x, weight.t(), bias)

    def Attention(self, query, key, value, divisor=None, keep=None, mask=None):
        if keep is not None:
            # The sum with a mask's lowest number is no infinity in the type of most masks.
            lowest = np.float32(torch.finfo(self.dtype).min / 2)
            kept = self.as_tensor(np.where(keep, np.float32(0), lowest))
            mask = kept if mask is None else kept + mask
        scale = 1.0 if divisor is None else 1.0 / divisor.item()
        return functional.scaled_dot_product_attention(query, key.transpose(-1, -2), value, mask, scale=scale)

    def Gelu(self, x, approximate):
        return functional.gelu(x, approximate=approximate)

    def Sqrt(self, x):
        return torch.sqrt(x)

    def Tanh(self, x):
        return torch.tanh(x)

    def Erf(self, x):
        return torch.erf(x)

    def Relu(self, x):
        return functional.relu(x)

    def Softmax(self, x, axis=-1):
        return torch.softmax(x, axis)

    def ReduceMean(self, x, axes, keepdims=1):
        return x.mean(list(axes), keepdim=bool(keepdims))

    def LayerNormalization(self, x, scale, bias, axis=-1, epsilon=1e-5):
        return functional.layer_norm(x, scale.shape, scale, bias, epsilon)

    def BatchNormalization(self, x, scale, bias, mean, variance, epsilon=1e-5, momentum=0.9):
        return functional.batch_norm(x, mean, variance, scale, bias, False, momentum, epsilon)

    def Conv(self, x, weight, bias=None, kernel_shape=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
        return functional.conv2d(x, weight, bias, tuple(strides), self.symmetric(pads), tuple(dilations), group)

    def ConvTranspose(self, x, weight, bias=None, kernel_shape=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1),
                      group=1):
        return functional.conv_transpose2d(x, weight, bias, tuple(strides), self.symmetric(pads), 0, group,
                                           tuple(dilations))

    def MaxPool(self, x, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0)):
        return functional.max_pool2d(x, tuple(kernel_shape), tuple(strides), self.symmetric(pads))

    def GlobalAveragePool(self, x):
        return x.mean((2, 3), keepdim=True)

    def symmetric(self, pads):
        if list(pads[: len(pads) // 2]) != list(pads[len(pads) // 2 :]):
            raise ValueError("other pads at the end than at the begin")
        return tuple(pads[: len(pads) // 2])
