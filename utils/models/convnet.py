"""Writes convolution networks whose batch normalisation is calibrated on a sample, so that signals keep their size."""

import numpy as np

from onnx_graph import FLOAT, Graph
from seeded import uniform


def interpolate(values, places, axis):
    """Linear interpolation of `values` along `axis` at fractional indices."""
    low = np.minimum(places.astype(int), values.shape[axis] - 2)
    shape = [1] * values.ndim
    shape[axis] = len(places)
    share = (places - low).reshape(shape)
    return np.take(values, low, axis) * (1 - share) + np.take(values, low + 1, axis) * share


def picture(name, batch, height, width, grain=28):
    """Seeded pictures, normalised as classifiers want them: broad shapes of `grain` pixels, and fine noise."""
    rows = np.arange(height) / grain
    columns = np.arange(width) / grain
    cells = (batch, 3, int(rows[-1]) + 2, int(columns[-1]) + 2)
    coarse = uniform(name + "/coarse", cells, 1.0).astype(np.float64)
    smooth = interpolate(interpolate(coarse, rows, 2), columns, 3)
    return (smooth + 0.5 * uniform(name + "/fine", smooth.shape, 1.0)).astype(np.float32)


class Value:
    """A tensor of the graph together with what it holds for the sample."""

    def __init__(self, name, sample):
        self.name = name
        self.sample = sample


def round_to_bits(values, bits=7):
    """Values with `bits` bits of mantissa: what the calibration measures must not depend on a machine's last digits."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * (1 << bits)), exponent - bits)


def windows(x, kernel, stride, pad, fill=0.0):
    """All windows of x[n, c, h, w]: a view of shape [n, c, oh, ow, kernel, kernel]."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


class ConvNet(Graph):
    """A graph over pictures that evaluates itself on a small sample, in float64, while it is written."""

    def __init__(self, name, opset, height=112, width=112, batch=8):
        super().__init__(name, opset)
        self.sample_size = (batch, height, width)

    def picture_input(self, name="input", dims=("batch", 3, "height", "width")):
        self.input(name, dims)
        return Value(name, picture(self.name + "/sample", *self.sample_size).astype(np.float64))

    def conv(self, x, filters, kernel, stride=1, groups=1, bias=False, normalise=None, gamma=1.0):
        """A convolution; with `normalise`, a batch normalisation after it: "node", or "folded" into its weights."""
        channels = x.sample.shape[1]
        pad = kernel // 2
        fan_in = channels // groups * kernel * kernel
        weight_path = self.unique(self.parameter_path("conv.weight"))
        weight = uniform(f"{self.name}/{weight_path}", (filters, channels // groups, kernel, kernel),
                         np.sqrt(2.0 / fan_in))
        view = windows(x.sample, kernel, stride, pad)
        if groups == 1:
            sample = np.einsum("nchwij,ocij->nohw", view, weight.astype(np.float64), optimize=True)
        else:
            assert groups == channels == filters, "only whole and depthwise convolutions"
            sample = np.einsum("nchwij,cij->nchw", view, weight[:, 0].astype(np.float64))
        shift = None
        if normalise == "folded":
            scale, shift = self.normalisation(sample, gamma)
            weight = (weight * scale.reshape(-1, 1, 1, 1)).astype(np.float32)
            sample = sample * scale.reshape(1, -1, 1, 1)
        elif bias:
            shift = uniform(f"{self.name}/{weight_path}/bias", (filters,), 0.1)
        operands = [x.name, self.weight(weight_path, weight)]
        if shift is not None:
            operands.append(self.weight(self.unique(self.parameter_path("conv.bias")), shift.astype(np.float32)))
            sample = sample + shift.reshape(1, -1, 1, 1)
        name = self.node("Conv", *operands, dilations=[1, 1], group=groups, kernel_shape=[kernel] * 2,
                         pads=[pad] * 4, strides=[stride] * 2)
        result = Value(name, sample)
        return self.batch_norm(result, gamma) if normalise == "node" else result

    def statistics(self, sample):
        """Mean and variance a channel, as training would have left them."""
        mean = sample.mean(axis=(0, 2, 3))
        variance = sample.var(axis=(0, 2, 3))
        # A channel that happens to be nearly constant on the sample must not be blown up.
        variance = np.maximum(variance, 0.25 * variance.mean())
        return round_to_bits(mean), round_to_bits(variance)

    def gamma_beta(self, channels, gamma):
        seed = f"{self.name}/{self.unique(self.parameter_path('bn'))}"
        return uniform(seed + "/gamma", (channels,), 0.2 * gamma, gamma), uniform(seed + "/beta", (channels,), 0.2)

    def normalisation(self, sample, gamma):
        """Scale and shift a channel of the batch normalisation that suits the sample."""
        mean, variance = self.statistics(sample)
        scale, shift = self.gamma_beta(sample.shape[1], gamma)
        scale = scale / np.sqrt(variance + 1e-5)
        return scale, shift - mean * scale

    def batch_norm(self, x, gamma=1.0, epsilon=1e-5):
        mean, variance = (a.astype(np.float32) for a in self.statistics(x.sample))
        channels = x.sample.shape[1]
        scale, shift = self.gamma_beta(channels, gamma)
        names = [self.weight(self.unique(self.parameter_path("bn." + part)), array) for part, array in
                 (("weight", scale), ("bias", shift), ("running_mean", mean), ("running_var", variance))]
        name = self.node("BatchNormalization", x.name, *names, epsilon=epsilon, momentum=0.9)
        multiplier = scale.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
        shape = (1, -1, 1, 1)
        sample = (x.sample - mean.reshape(shape)) * multiplier.reshape(shape) + shift.reshape(shape)
        return Value(name, sample)

    def relu(self, x):
        return Value(self.node("Relu", x.name), np.maximum(x.sample, 0))

    def relu6(self, x):
        name = self.node("Clip", x.name, self.constant(0.0), self.constant(6.0))
        return Value(name, np.clip(x.sample, 0, 6))

    def sigmoid(self, x):
        return Value(self.node("Sigmoid", x.name), 1 / (1 + np.exp(-x.sample)))

    def multiply(self, a, b):
        return Value(self.node("Mul", a.name, b.name), a.sample * b.sample)

    def swish(self, x):
        return self.multiply(x, self.sigmoid(x))

    def add(self, a, b):
        return Value(self.node("Add", a.name, b.name), a.sample + b.sample)

    def concat(self, *values):
        name = self.node("Concat", *(v.name for v in values), axis=1)
        return Value(name, np.concatenate([v.sample for v in values], axis=1))

    def max_pool(self, x, kernel, stride, pad):
        name = self.node("MaxPool", x.name, kernel_shape=[kernel] * 2, pads=[pad] * 4, strides=[stride] * 2)
        return Value(name, windows(x.sample, kernel, stride, pad, -np.inf).max(axis=(4, 5)))

    def global_average_pool(self, x):
        return Value(self.node("GlobalAveragePool", x.name), x.sample.mean(axis=(2, 3), keepdims=True))

    def upsample_conv(self, x, filters):
        """A 2×2 transposed convolution of stride 2."""
        channels = x.sample.shape[1]
        path = self.parameter_path("up.weight")
        weight = uniform(f"{self.name}/{path}", (channels, filters, 2, 2), np.sqrt(1.0 / channels))
        bias = uniform(f"{self.name}/{path}/bias", (filters,), 0.1)
        name = self.node("ConvTranspose", x.name, self.weight(path, weight),
                         self.weight(self.parameter_path("up.bias"), bias), dilations=[1, 1], group=1,
                         kernel_shape=[2, 2], pads=[0] * 4, strides=[2, 2])
        n, _, h, w = x.sample.shape
        sample = np.einsum("nchw,coij->nohiwj", x.sample, weight.astype(np.float64), optimize=True)
        return Value(name, sample.reshape(n, filters, 2 * h, 2 * w) + bias.reshape(1, -1, 1, 1))

    def linear(self, flat, features, classes, std):
        """The classifier: a Gemm over the flat features, with the weight as exporters store it."""
        weight = self.random_weight("weight", (classes, features), std)
        bias = self.random_weight("bias", (classes,), 0.1)
        return self.node("Gemm", flat, weight, bias, alpha=1.0, beta=1.0, transB=1)

    def classifier(self, x, classes=1000, output="output"):
        """Global average, flatten, classifier and the graph's output, scaled to logits of a few units."""
        pooled = self.global_average_pool(x)
        self.classify(self.node("Flatten", pooled.name, axis=1), pooled.sample[:, :, 0, 0], classes, output)

    def classify(self, flat, sample, classes=1000, output="output"):
        size = float(round_to_bits(np.sqrt((sample**2).sum(axis=1).mean())))
        with self.scope("fc"):
            logits = self.linear(flat, sample.shape[1], classes, 3.0 / size)
        self.output(logits, output, ["batch", classes], FLOAT)
