"""Tests operators that ONNX's own data does not, or not in all their forms, against plain numpy."""

import itertools
import unittest

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import tenon

rng = np.random.default_rng(1)


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def type_of(array):
    return numpy_helper.from_array(np.asarray(array)).data_type


def run(op, inputs, opset, types=(np.float32,), domain="", constants=(), provider="codegen", dynamic=False, **attributes):
    """Runs one node. Inputs that are None are absent, those whose numbers are in `constants` are initializers."""
    names = [f"i{i}" if value is not None else "" for i, value in enumerate(inputs)]
    results = [f"o{i}" for i in range(len(types))]
    graph_inputs, initializers, feeds = [], [], {}
    for i, (name, value) in enumerate(zip(names, inputs)):
        if value is None:
            continue
        value = np.ascontiguousarray(value)
        if i in constants:
            initializers.append(numpy_helper.from_array(value, name))
        else:
            # Few elements may be parts of a number or of a position, whose number has to be known.
            dims = [size if size <= 2 else f"d{i}_{j}" for j, size in enumerate(value.shape)] if dynamic else value.shape
            graph_inputs.append(helper.make_tensor_value_info(name, type_of(value), dims))
            feeds[name] = value
    graph = helper.make_graph([helper.make_node(op, names, results, domain=domain, **attributes)], "graph", graph_inputs,
                              [helper.make_tensor_value_info(name, type_of(np.zeros(1, kind)), None)
                               for name, kind in zip(results, types)], initializers)
    opsets = [helper.make_operatorsetid("", opset)] + ([helper.make_operatorsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    values = tenon.compile(model, provider=provider)(**feeds)
    return [values[name] for name in results]


class OperatorTest(unittest.TestCase):
    def check(self, expected, op, inputs, opset, tolerance=1e-5, dynamics=(False, True), **options):
        expected = expected if isinstance(expected, list) else [expected]
        for provider, dynamic in itertools.product(("codegen", "auto"), dynamics):
            types = [e.dtype if e.dtype != np.float64 else np.float32 for e in expected]
            found = run(op, inputs, opset, types, provider=provider, dynamic=dynamic, **options)
            for a, b, kind in zip(found, expected, types):
                self.assertEqual(a.dtype, kind)
                self.assertEqual(a.shape, b.shape)
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance,
                                           err_msg=f"{op} {provider} {'dynamic' if dynamic else 'static'} {options}")

    # Indices

    def test_arg_max(self):
        x = rng.integers(-3, 3, (3, 4, 5)).astype(np.int32)
        for kind, axis, last in itertools.product((np.argmax, np.argmin), (0, -1, 1), (0, 1)):
            expected = 4 - kind(np.flip(x, axis), axis) - (5 - x.shape[axis]) if last else kind(x, axis)
            self.check(expected.astype(np.int64), "ArgMax" if kind is np.argmax else "ArgMin", [x], 13, axis=axis,
                       keepdims=0, select_last_index=last)
        self.check(np.array([1]), "ArgMax", [np.array([[1, np.nan, 3]], np.float32)], 13, axis=1, keepdims=0)

    def test_top_k(self):
        x = rng.integers(0, 9, (3, 17, 2)).astype(np.float32)
        for axis, largest, k in itertools.product((0, 1, 2), (0, 1), (0, 1, 2)):
            order = np.argsort(-x if largest else x, axis, kind="stable")
            places = np.take(order, range(k), axis).astype(np.int64)
            values = np.take_along_axis(x, places, axis)
            self.check([values, places], "TopK", [x, np.array([k])], 11, constants=(1,), axis=axis, largest=largest)
        order = np.argsort(-x, 1, kind="stable")
        self.check([np.sort(-x, 1) * -1, order], "TopK", [x, np.array([17])], 11, constants=(1,), axis=1)
        with self.assertRaises(tenon.InvalidError):
            run("TopK", [x, np.array([18])], 11, [np.float32, np.int64], constants=(1,), axis=1)

    def test_gather(self):
        x, i = floats(4, 5, 6), rng.integers(-5, 5, (3, 2, 6))
        self.check(np.take_along_axis(x[:3], i, 1), "GatherElements", [x, i], 13, axis=1)
        i = rng.integers(-5, 5, (4, 3, 1))
        expected = np.stack([x[n][i[n, :, 0]] for n in range(4)])
        self.check(expected, "GatherND", [x, i], 13, batch_dims=1)
        i = np.stack([rng.integers(-4, 4, (2, 3)), rng.integers(0, 5, (2, 3))], -1)
        self.check(x[i[..., 0], i[..., 1]], "GatherND", [x, i], 13)
        for op, bad in (("GatherND", [[4]]), ("GatherElements", [[[5]]])):
            with self.assertRaises(tenon.Error) as error:
                run(op, [x, np.array(bad)], 13, **({"axis": 1} if op == "GatherElements" else {}))
            self.assertIn(op, str(error.exception))

    def test_scatter(self):
        functions = {"none": lambda a, b: b, "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
        for (name, function), axis in itertools.product(functions.items(), (0, 1, -1)):
            x, u = floats(4, 5, 3), floats(3, 4, 2)
            i = rng.integers(-x.shape[axis], x.shape[axis], u.shape)
            expected = x.copy()
            for at in np.ndindex(*u.shape):
                target = list(at)
                target[axis] = i[at]
                expected[tuple(target)] = function(expected[tuple(target)], u[at])
            self.check(expected, "ScatterElements", [x, i, u], 18, axis=axis, reduction=name)
            i, u = rng.integers(-4, 4, (2, 6, 1)), floats(2, 6, 5, 3)
            expected = x.copy()
            for at in np.ndindex(2, 6):
                expected[i[at][0]] = function(expected[i[at][0]], u[at])
            self.check(expected, "ScatterND", [x, i, u], 18, reduction=name)
        x = np.zeros((7,), np.int64)
        self.check(np.array([0, 3, 0, 0, 2, 0, 0]), "ScatterND", [x, np.array([[1], [4], [1]]), np.array([1, 2, 3])], 18)
        with self.assertRaises(tenon.Error):
            run("ScatterND", [x, np.array([[7]]), np.array([1])], 18, [np.int64])

    def test_max_unpool(self):
        x, i = np.array([[[[1, 2], [3, 4]]]], np.float32), np.array([[[[5, 7], [13, 15]]]])
        expected = np.zeros((1, 1, 4, 4), np.float32)
        expected.flat[i] = x
        options = {"kernel_shape": [2, 2], "strides": [2, 2]}
        self.check(expected, "MaxUnpool", [x, i], 11, **options)
        self.check(np.pad(expected, [(0, 0), (0, 0), (0, 1), (0, 1)]), "MaxUnpool", [x, i, np.array([1, 1, 5, 5])], 11,
                   constants=(2,), **options)

    # Sampling

    def test_grid_sample(self):
        def fold(x, size, padding, align):
            low, high = (0, size - 1) if align else (-0.5, size - 0.5)
            if padding == "zeros" or low <= x <= high:
                return x
            if padding == "border":
                return min(max(x, 0), size - 1)
            while high > low and not low <= x <= high:
                x = 2 * low - x if x < low else 2 * high - x
            return x

        def taps(x, size, mode, padding, align):
            if mode == "nearest":
                places = [(np.rint(x), 1)]
            else:
                x = fold(x, size, padding, align)
                low, t = np.floor(x), x - np.floor(x)
                if mode == "linear":
                    places = [(low, 1 - t), (low + 1, t)]
                else:
                    a = -0.75
                    far = lambda s: ((a * s - 5 * a) * s + 8 * a) * s - 4 * a
                    near = lambda s: ((a + 2) * s - (a + 3)) * s * s + 1
                    places = [(low - 1, far(t + 1)), (low, near(t)), (low + 1, near(1 - t)), (low + 2, far(2 - t))]
            folded = [(int(np.floor(fold(p, size, padding, align) + 1e-4)), w) for p, w in places]
            if padding == "border":
                folded = [(min(max(p, 0), size - 1), w) for p, w in folded]
            return [(p, w) for p, w in folded if 0 <= p < size]

        cases = list(itertools.product((2,), ("linear", "nearest", "cubic"), ("zeros", "border", "reflection"), (0, 1)))
        cases += list(itertools.product((3,), ("linear", "nearest"), ("zeros", "border", "reflection"), (0, 1)))
        for spatial, mode, padding, align in cases:
            shape, out = (4, 5, 3)[:spatial], (3, 7, 2)[:spatial]
            x, grid = floats(2, 3, *shape), floats(2, *out, spatial)
            expected = np.zeros((2, 3, *out), np.float32)
            for n, *at in np.ndindex(2, *out):
                lists = []
                for j, size in enumerate(shape):
                    g = grid[(n, *at, spatial - 1 - j)]
                    p = (g + 1) / 2 * (size - 1) if align else ((g + 1) * size - 1) / 2
                    lists.append(taps(p, size, mode, padding, align))
                for combination in itertools.product(*lists):
                    weight = np.prod([w for _, w in combination])
                    expected[(n, slice(None), *at)] += weight * x[(n, slice(None), *[p for p, _ in combination])]
            self.check(expected, "GridSample", [x, grid], 20, tolerance=2e-4, mode=mode, padding_mode=padding,
                       align_corners=align)
        # What is no number, and what is far away, is not read from anywhere.
        grid = np.array([[[[np.nan, 0], [1e30, -1e30], [np.inf, -np.inf]]]], np.float32)
        for padding in ("zeros", "border", "reflection"):
            run("GridSample", [floats(1, 1, 2, 2), grid], 20, padding_mode=padding)

    def test_affine_grid(self):
        for size, align in itertools.product(([2, 3, 4, 5], [1, 2, 3, 4, 2]), (0, 1)):
            spatial = len(size) - 2
            theta = floats(size[0], spatial, spatial + 1)
            axes = [np.linspace(-1, 1, n) if align else (2 * np.arange(n) + 1) / n - 1 for n in size[2:]]
            mesh = np.meshgrid(*axes, indexing="ij")[::-1]
            points = np.stack(mesh + [np.ones_like(mesh[0])], -1)
            expected = np.einsum("...j,nij->n...i", points, theta).astype(np.float32)
            self.check(expected, "AffineGrid", [theta, np.array(size)], 20, constants=(1,), align_corners=align)

    def test_roi_align_max(self):
        x = floats(2, 3, 9, 8)
        rois = np.array([[0.5, 1, 6, 7], [2, 2, 3, 3.5], [-4, -4, 20, 20]], np.float32)
        batch = np.array([0, 1, 1])
        out, ratio = (3, 2), 2
        for mode, offset in itertools.product(("avg", "max"), (0, 0.5)):
            expected = np.zeros((3, 3, *out), np.float32)
            for r, c, i, j in np.ndindex(3, 3, *out):
                x1, y1, x2, y2 = rois[r] - offset
                h, w = (y2 - y1, x2 - x1) if offset else (max(y2 - y1, 1), max(x2 - x1, 1))
                values = []
                for a, b in np.ndindex(ratio, ratio):
                    y = y1 + i * h / out[0] + (a + 0.5) * h / out[0] / ratio
                    z = x1 + j * w / out[1] + (b + 0.5) * w / out[1] / ratio
                    if y < -1 or y > 9 or z < -1 or z > 8:
                        values.append(0)
                        continue
                    y, z = min(max(y, 0), 8), min(max(z, 0), 7)
                    yl, zl = int(y), int(z)
                    yh, zh = min(yl + 1, 8), min(zl + 1, 7)
                    image = x[batch[r], c]
                    four = [image[yl, zl] * (1 - y + yl) * (1 - z + zl), image[yl, zh] * (1 - y + yl) * (z - zl),
                            image[yh, zl] * (y - yl) * (1 - z + zl), image[yh, zh] * (y - yl) * (z - zl)]
                    values.append(sum(four) if mode == "avg" else max(four))
                expected[r, c, i, j] = np.mean(values) if mode == "avg" else np.max(values)
            self.check(expected, "RoiAlign", [x, rois, batch], 16, mode=mode, output_height=3, output_width=2,
                       sampling_ratio=ratio, coordinate_transformation_mode="half_pixel" if offset else "output_half_pixel")

    def test_deform_conv(self):
        for groups, offset_groups, masked in ((1, 1, False), (2, 2, True), (1, 2, True)):
            x, w, b = floats(2, 4, 6, 5), floats(4, 4 // groups, 2, 3), floats(4)
            stride, dilation, pads = (2, 1), (1, 2), (1, 0, 1, 2)
            oh = (6 + 2 - 1 - 1) // 2 + 1
            ow = (5 + 2 - 2 * 2 - 1) // 1 + 1
            offset = floats(2, offset_groups * 6 * 2, oh, ow)
            mask = floats(2, offset_groups * 6, oh, ow) if masked else None

            def pixel(image, y, z):
                y0, z0 = int(np.floor(y)), int(np.floor(z))
                total = 0
                for a, c in np.ndindex(2, 2):
                    if 0 <= y0 + a < 6 and 0 <= z0 + c < 5:
                        total += image[y0 + a, z0 + c] * (1 - abs(y - y0 - a)) * (1 - abs(z - z0 - c))
                return total

            expected = np.zeros((2, 4, oh, ow), np.float32)
            for n, m, i, j in np.ndindex(*expected.shape):
                total = b[m]
                for c, p, q in np.ndindex(4 // groups, 2, 3):
                    channel = m // (4 // groups) * (4 // groups) + c
                    k = (channel // (4 // offset_groups)) * 6 + p * 3 + q
                    y = i * stride[0] - pads[0] + p * dilation[0] + offset[n, 2 * k, i, j]
                    z = j * stride[1] - pads[1] + q * dilation[1] + offset[n, 2 * k + 1, i, j]
                    value = pixel(x[n, channel], y, z)
                    total += w[m, c, p, q] * value * (mask[n, k, i, j] if masked else 1)
                expected[n, m, i, j] = total
            self.check(expected, "DeformConv", [x, w, offset, b, mask], 19, tolerance=1e-4, dynamics=(False,),
                       group=groups, offset_group=offset_groups, strides=stride, dilations=dilation, pads=pads)

    def test_crop_and_columns(self):
        x = floats(5, 8, 3)
        self.check(np.pad(x[:, 2:5], [(2, 2), (0, 0), (0, 0)]), "CenterCropPad", [x, np.array([9, 3])], 18,
                   constants=(1,), axes=[0, 1])
        self.check(np.pad(x[1:3], [(0, 0), (0, 1), (0, 0)]), "CenterCropPad", [x, np.array([2, 9, 3])], 18,
                   constants=(1,))
        columns = floats(2, 3 * 6, 12)
        expected = np.zeros((2, 3, 5 + 1, 4 + 1 + 2), np.float32)
        for n, c, k, l in np.ndindex(2, 3, 6, 12):
            i, j = l // 4, l % 4
            expected[n, c, i * 2 + k // 3, j * 1 + k % 3] += columns[n, c * 6 + k, l]
        self.check(expected[:, :, 1:, 1:5], "Col2Im", [columns, np.array([5, 4]), np.array([2, 3])], 18,
                   constants=(1, 2), dynamics=(False,), strides=[2, 1], pads=[1, 1, 0, 1])

    # Recurrence

    def test_recurrent(self):
        steps, batch, size, hidden = 5, 3, 4, 7
        functions = {"Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Tanh": np.tanh, "Relu": lambda x: np.maximum(x, 0),
                     "Affine": lambda x: 0.7 * x + 0.1, "LeakyRelu": lambda x: np.where(x > 0, x, 0.7 * x),
                     "ThresholdedRelu": lambda x: np.where(x > 0.7, x, 0), "ScaledTanh": lambda x: 0.7 * np.tanh(0.1 * x),
                     "HardSigmoid": lambda x: np.clip(0.7 * x + 0.1, 0, 1),
                     "Elu": lambda x: np.where(x > 0, x, 0.7 * (np.exp(x) - 1)), "Softsign": lambda x: x / (1 + abs(x)),
                     "Softplus": lambda x: np.log1p(np.exp(x))}
        with_alpha = ("Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu")
        with_beta = ("Affine", "ScaledTanh", "HardSigmoid")

        def layer(cell, x, w, r, b, h, c, p, lengths, names, clip, linear, coupled, is_reverse):
            f = [functions[name] for name in names]
            limit = (lambda v: np.clip(v, -clip, clip)) if clip else (lambda v: v)
            y = np.zeros((steps, batch, hidden), np.float32)
            gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[cell]
            h, c = h.copy(), c.copy()
            for n in range(batch):
                times = range(lengths[n])
                for t in reversed(times) if is_reverse else times:
                    a = x[t, n] @ w.T + b[:gates * hidden]
                    if cell == "RNN":
                        h[n] = f[0](limit(a + r @ h[n] + b[hidden:]))
                    elif cell == "GRU":
                        rb = b[3 * hidden:]
                        s = r @ h[n] + rb
                        z = f[0](limit(a[:hidden] + s[:hidden]))
                        u = f[0](limit(a[hidden:2 * hidden] + s[hidden:2 * hidden]))
                        if linear:
                            k = a[2 * hidden:] + u * s[2 * hidden:]
                        else:
                            k = a[2 * hidden:] + r[2 * hidden:] @ (u * h[n]) + rb[2 * hidden:]
                        h[n] = (1 - z) * f[1](limit(k)) + z * h[n]
                    else:
                        g = (a + r @ h[n] + b[4 * hidden:]).reshape(4, hidden)
                        q = p.reshape(3, hidden)
                        i = f[0](limit(g[0] + q[0] * c[n]))
                        o = f[0](limit(g[2] + q[2] * c[n]))
                        forget = 1 - i if coupled else o
                        c[n] = forget * c[n] + i * f[1](limit(g[3]))
                        h[n] = f[0](limit(g[1] + q[1] * c[n])) * f[2](limit(c[n]))
                    y[t, n] = h[n]
            return y, h, c

        def test(cell, direction, names=None, clip=0, linear=0, coupled=0, lengths=None, peepholes=False, layout=0):
            gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[cell]
            directions = 2 if direction == "bidirectional" else 1
            defaults = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[cell]
            every = names or defaults * directions
            x = floats(steps, batch, size)
            w, r = floats(directions, gates * hidden, size) / 2, floats(directions, gates * hidden, hidden) / 2
            b = floats(directions, 2 * gates * hidden) / 2
            h, c = floats(directions, batch, hidden), floats(directions, batch, hidden)
            p = floats(directions, 3 * hidden) if peepholes else np.zeros((directions, 3 * hidden), np.float32)
            ends = lengths or [steps] * batch
            results = []
            for d in range(directions):
                results.append(layer(cell, x, w[d], r[d], b[d], h[d], c[d], p[d], ends,
                                     every[d * len(defaults):(d + 1) * len(defaults)], clip, linear, coupled,
                                     direction == "reverse" or d == 1))
            y = np.stack([result[0] for result in results], 1)
            last, cells = np.stack([result[1] for result in results]), np.stack([result[2] for result in results])
            options = {"hidden_size": hidden, "direction": direction}
            if names:
                options["activations"] = names
                for key, value, takers in (("alpha", 0.7, with_alpha), ("beta", 0.1, with_beta)):
                    if any(name in takers for name in names):
                        options["activation_" + key] = [value] * sum(name in takers for name in names)
            if clip:
                options["clip"] = float(clip)
            if linear:
                options["linear_before_reset"] = 1
            if coupled:
                options["input_forget"] = 1
            inputs = [x, w, r, b, np.array(ends, np.int32) if lengths else None, h]
            if cell == "LSTM":
                inputs += [c, p if peepholes else None]
            if layout:
                options["layout"] = 1
                inputs[0], inputs[5] = x.transpose(1, 0, 2), h.transpose(1, 0, 2)
                y, last = y.transpose(2, 0, 1, 3), last.transpose(1, 0, 2)
                if cell == "LSTM":
                    inputs[6], cells = c.transpose(1, 0, 2), cells.transpose(1, 0, 2)
            self.check([y, last] + ([cells] if cell == "LSTM" else []), cell, inputs, 14, tolerance=2e-5,
                       constants=(1, 2, 3), **options)

        for cell, direction in itertools.product(("RNN", "GRU", "LSTM"), ("forward", "reverse", "bidirectional")):
            test(cell, direction)
            test(cell, direction, lengths=[2, 5, 0])
        for name in functions:
            test("RNN", "forward", names=[name])
        test("RNN", "bidirectional", names=["Affine", "ScaledTanh"], clip=0.4)
        test("GRU", "bidirectional", linear=1, names=["HardSigmoid", "Elu", "Sigmoid", "LeakyRelu"])
        test("GRU", "reverse", clip=0.3, layout=1)
        test("LSTM", "bidirectional", peepholes=True, coupled=1, clip=0.5)
        test("LSTM", "forward", peepholes=True, layout=1, names=["HardSigmoid", "Softsign", "Relu"])

    # Signals

    def test_dft(self):
        for shape, axis in (((3, 10, 1), 1), ((2, 9, 4, 2), 1), ((2, 9, 4, 2), 2), ((7, 1), 0)):
            x = floats(*shape)
            signal = x[..., 0] + (1j * x[..., 1] if shape[-1] == 2 else 0)
            split = lambda z: np.stack([z.real, z.imag], -1).astype(np.float32)
            self.check(split(np.fft.fft(signal, axis=axis)), "DFT", [x], 17, tolerance=1e-4, axis=axis)
            self.check(split(np.fft.ifft(signal, axis=axis)), "DFT", [x], 17, tolerance=1e-4, axis=axis, inverse=1)
            for length in (6, 12):
                self.check(split(np.fft.fft(signal, length, axis=axis)), "DFT", [x, np.array(length)], 17,
                           tolerance=1e-4, constants=(1,), axis=axis)
            if shape[-1] == 1:
                self.check(split(np.fft.rfft(signal, axis=axis)), "DFT", [x, None, np.array(axis)], 20, tolerance=1e-4,
                           constants=(2,), onesided=1)

    def test_stft(self):
        x, window = floats(2, 40, 1), np.hanning(8).astype(np.float32)
        frames = np.stack([x[:, i * 5:i * 5 + 8, 0] * window for i in range(7)], 1)
        z = np.fft.rfft(frames)
        self.check(np.stack([z.real, z.imag], -1).astype(np.float32), "STFT", [x, np.array(5), window], 17,
                   tolerance=1e-4, constants=(1, 2))

    def check_chance(self, x, low, high, mean, deviation):
        self.assertTrue(x.min() >= low and x.max() < high)
        self.assertLess(abs(x.mean() - mean), 0.1)
        self.assertLess(abs(x.std() - deviation), 0.1)

    def test_random_normal(self):
        options = {"shape": [200, 50], "mean": 1.0, "scale": 2.0}
        (a,) = run("RandomNormal", [], 15, seed=3.0, **options)
        (b,) = run("RandomNormal", [], 15, seed=3.0, provider="auto", **options)
        np.testing.assert_array_equal(a, b)
        self.check_chance(a, -20, 20, 1, 2)
        self.assertFalse(np.array_equal(a, run("RandomNormal", [], 15, seed=4.0, **options)[0]))

    def test_random_normal_like(self):
        (x,) = run("RandomNormalLike", [np.zeros((100, 100), np.int32)], 15, dtype=TensorProto.FLOAT, mean=-2.0)
        self.assertEqual((x.dtype, x.shape), (np.float32, (100, 100)))
        self.check_chance(x, -20, 20, -2, 1)

    def test_random_uniform(self):
        (x,) = run("RandomUniform", [], 15, shape=[200, 50], low=1.0, high=5.0)
        self.assertEqual(x.shape, (200, 50))
        self.check_chance(x, 1, 5, 3, 4 / 12**0.5)

    def test_random_uniform_like(self):
        (x,) = run("RandomUniformLike", [np.zeros((100, 100), np.float64)], 15, [np.float64], low=-1.0, high=3.0)
        self.assertEqual((x.dtype, x.shape), (np.float64, (100, 100)))
        self.check_chance(x, -1, 3, 1, 4 / 12**0.5)

    def test_bernoulli(self):
        p = np.full((100, 100), 0.3, np.float32)
        (ones,) = run("Bernoulli", [p], 15, [np.int32], dtype=TensorProto.INT32)
        self.assertTrue(set(np.unique(ones)) <= {0, 1} and abs(ones.mean() - 0.3) < 0.05)

    def test_multinomial(self):
        logs = np.log(np.array([[0.1, 0.6, 0.3]], np.float32))
        (drawn,) = run("Multinomial", [logs], 15, [np.int32], sample_size=5000)
        counts = np.bincount(drawn[0], minlength=3) / 5000
        np.testing.assert_allclose(counts, [0.1, 0.6, 0.3], atol=0.05)

    # Attention

    @staticmethod
    def attend(q, k, v, mask=0, scale=None, softcap=0):
        k, v = (np.repeat(t, q.shape[1] // t.shape[1], 1) for t in (k, v))
        s = q @ k.swapaxes(2, 3) * (scale or q.shape[3] ** -0.5)
        if softcap:
            s = softcap * np.tanh(s / softcap)
        s = s + mask
        e = np.exp(s - s.max(-1, keepdims=True))
        return (e / e.sum(-1, keepdims=True)) @ v

    @staticmethod
    def split(x, heads):
        return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)

    @staticmethod
    def join(x):
        return x.swapaxes(1, 2).reshape(x.shape[0], x.shape[2], -1)

    @staticmethod
    def causal(count, total, first=0):
        return np.where(np.arange(total) <= np.arange(count)[:, None] + first, 0, -np.inf).astype(np.float32)

    def test_attention(self):
        q, k, v = floats(2, 6, 3, 8), floats(2, 2, 5, 8), floats(2, 2, 5, 4)
        self.check(self.attend(q, k, v), "Attention", [q, k, v], 23, dynamics=(False,))
        mask = rng.integers(0, 2, (3, 5)).astype(bool)
        mask[:, 0] = True
        self.check(self.attend(q, k, v, np.where(mask, 0, -np.inf), softcap=2), "Attention", [q, k, v, mask], 23,
                   dynamics=(False,), softcap=2.0)
        pk, pv = floats(2, 2, 4, 8), floats(2, 2, 4, 4)
        ak, av = np.concatenate([pk, k], 2), np.concatenate([pv, v], 2)
        self.check([self.attend(q, ak, av, self.causal(3, 9, 4), scale=0.5), ak, av], "Attention",
                   [q, k, v, None, pk, pv], 23, dynamics=(False,), is_causal=1, scale=0.5)
        x, y = floats(2, 3, 12), floats(2, 5, 4)
        expected = self.join(self.attend(self.split(x, 6), self.split(y, 2), self.split(y, 2)))
        self.check(expected, "Attention", [x, y, y], 23, dynamics=(False,), q_num_heads=6, kv_num_heads=2)

    @staticmethod
    def rotate(x, cosine, sine, interleaved):
        """x [B, H, S, D], angles [B or 1, S, D / 2]"""
        half = cosine.shape[-1]
        c, s = cosine[:, None], sine[:, None]
        out = x.copy()
        first = (slice(0, 2 * half, 2) if interleaved else slice(0, half),)
        second = (slice(1, 2 * half, 2) if interleaved else slice(half, 2 * half),)
        a, b = x[(...,) + first], x[(...,) + second]
        out[(...,) + first], out[(...,) + second] = a * c - b * s, a * s + b * c
        return out

    def test_rotary(self):
        cosine, sine = np.cos(floats(10, 3)), np.sin(floats(10, 3))
        positions = rng.integers(0, 10, (2, 4))
        for interleaved, rotated in ((0, 0), (1, 0), (0, 6), (1, 6)):
            x = floats(2, 5, 4, 6 + (2 if rotated else 0))
            expected = self.rotate(x, cosine[positions], sine[positions], interleaved)
            options = {"interleaved": interleaved, "rotary_embedding_dim": rotated}
            self.check(expected, "RotaryEmbedding", [x, cosine, sine, positions], 23, dynamics=(False,), **options)
            self.check(self.join(expected), "RotaryEmbedding", [self.join(x), cosine, sine, positions], 23,
                       dynamics=(False,), num_heads=5, **options)
            self.check(expected, "RotaryEmbedding", [x, positions, cosine, sine], 17, dynamics=(False,),
                       domain="com.microsoft", **options)
        self.check(self.rotate(x, cosine[None, 3:7], sine[None, 3:7], 1), "RotaryEmbedding",
                   [x, np.array([3]), cosine, sine], 17, dynamics=(False,), domain="com.microsoft", interleaved=1,
                   rotary_embedding_dim=6)

    def test_tensor_scatter(self):
        past, update = floats(2, 3, 6, 4), floats(2, 3, 2, 4)
        expected = past.copy()
        for n, start in enumerate((1, 5)):
            for i in range(2):
                expected[n, :, (start + i) % 6] = update[n, :, i]
        self.check(expected, "TensorScatter", [past, update, np.array([1, 5])], 24, mode="circular")

    def test_microsoft_attention(self):
        options = {"domain": "com.microsoft", "dynamics": (False,)}
        x, w, b = floats(2, 4, 6), floats(6, 24), floats(24)
        q, k, v = (self.split(part, 2) for part in np.split(x @ w + b, 3, -1))
        present = np.stack([k, v])
        expected = self.join(self.attend(q, k, v, self.causal(4, 4)))
        self.check([expected, present], "Attention", [x, w, b], 17, tolerance=1e-4, num_heads=2, unidirectional=1, **options)
        lengths = np.array([4, 2], np.int32)
        mask = np.where(np.arange(4) < lengths[:, None], 0, -np.inf)[:, None, None]
        expected = self.join(self.attend(q, k, v, mask))
        self.check(expected, "Attention", [x, w, b, lengths], 17, tolerance=1e-4, num_heads=2, **options)
        self.check(expected, "Attention", [x, w, b, (np.arange(4) < lengths[:, None]).astype(np.int32)], 17,
                   tolerance=1e-4, num_heads=2, **options)
        q, k, v, b = floats(2, 3, 8), floats(2, 5, 8), floats(2, 5, 6), floats(22)
        extra = floats(1, 2, 3, 5)
        expected = self.join(self.attend(self.split(q + b[:8], 2), self.split(k + b[8:16], 2),
                                         self.split(v + b[16:], 2), extra))
        self.check(expected, "MultiHeadAttention", [q, k, v, b, None, extra], 17, num_heads=2, **options)

    def test_group_query_attention(self):
        cosine, sine = np.cos(floats(16, 4)), np.sin(floats(16, 4))
        q, k, v = floats(2, 3, 32), floats(2, 3, 16), floats(2, 3, 16)
        pk, pv = floats(2, 2, 4, 8), floats(2, 2, 4, 8)
        last, total = np.array([6, 6], np.int32), np.array(7, np.int32)
        places = np.arange(4, 7)
        turn = lambda t: self.rotate(t, cosine[None, places], sine[None, places], 0)
        ak = np.concatenate([pk, turn(self.split(k, 2))], 2)
        av = np.concatenate([pv, self.split(v, 2)], 2)
        expected = self.join(self.attend(turn(self.split(q, 4)), ak, av, self.causal(3, 7, 4)))
        self.check([expected, ak, av], "GroupQueryAttention", [q, k, v, pk, pv, last, total, cosine, sine], 17,
                   domain="com.microsoft", dynamics=(False,), num_heads=4, kv_num_heads=2, do_rotary=1)

    def test_embed_layer_norm(self):
        words, places, segments = floats(9, 8), floats(6, 8), floats(2, 8)
        ids, kinds = rng.integers(0, 9, (2, 5)).astype(np.int32), rng.integers(0, 2, (2, 5)).astype(np.int32)
        scale, bias = floats(8), floats(8)
        mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
        total = words[ids] + places[:5] + segments[kinds]
        centred = total - total.mean(-1, keepdims=True)
        expected = centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-12) * scale + bias
        self.check([expected, np.array([3, 5], np.int32), total], "EmbedLayerNormalization",
                   [ids, kinds, words, places, segments, scale, bias, mask], 17, tolerance=1e-4, domain="com.microsoft",
                   constants=(2, 3, 4, 5, 6), epsilon=1e-12)

    def test_matmul_of_few_bits(self):
        for bits, has_zeros in itertools.product((4, 8), (False, True)):
            depth, columns, block = 40, 5, 16
            blocks = 3
            numbers = rng.integers(0, 1 << bits, (columns, blocks, block)).astype(np.uint8)
            scales = floats(columns, blocks)
            zeros = rng.integers(0, 1 << bits, (columns, blocks)).astype(np.uint8)
            pack = lambda t: t[..., 0::2] | t[..., 1::2] << 4 if bits == 4 else t
            packed_zeros = pack(np.pad(zeros, [(0, 0), (0, 1)])) if bits == 4 else zeros
            points = zeros[..., None].astype(np.float32) if has_zeros else float(1 << (bits - 1))
            weights = ((numbers - points) * scales[..., None]).reshape(columns, -1)[:, :depth].astype(np.float32)
            x = floats(2, 3, depth)
            inputs = [x, pack(numbers), scales.ravel()] + ([packed_zeros.ravel()] if has_zeros else [])
            self.check(x @ weights.T, "MatMulNBits", inputs, 17, tolerance=1e-4, domain="com.microsoft",
                       constants=(1, 2, 3), K=depth, N=columns, bits=bits, block_size=block)


if __name__ == "__main__":
    unittest.main(argv=["test_operators.py", "-q"])
