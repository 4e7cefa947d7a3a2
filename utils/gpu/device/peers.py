"""The two that compare times: Tenon, and PyTorch in its modes. Both compute a case of timed.json."""

import functools
import os
import time

import numpy as np
import torch

import tenon
import weights
from network import Computation, Network, fold_normalisations
from torch_framework import Torch

#: How PyTorch computes: what its compiler makes, and its own kernels as a CUDA graph.
MODES = ("max-autotune", "graph")
DTYPES = {"fp16": torch.float16, "fp32": torch.float32, "tf32": torch.float32}


class Failed(Exception):
    """A case can't be compared; the text says why."""


def set_precision(precision):
    """Whether PyTorch may round factors in fp32 to TF32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


def make_inputs(case):
    """The inputs of a case, seeded, as numpy arrays by name."""
    random, made = np.random.RandomState(0), {}
    for name, spec in case["inputs"].items():
        shape = spec["shape"]
        if spec["fill"] == "ids":
            made[name] = random.randint(0, spec["below"], size=shape).astype(np.int64)
        elif spec["fill"] == "ones":
            made[name] = np.ones(shape, np.int64)
        else:
            made[name] = (0.5 * random.standard_normal(shape)).astype(np.float32)
    return made


@functools.lru_cache(maxsize=1)
def network(bundle, model):
    """A model's graph and its weights, ready to be computed."""
    graph = Network(os.path.join(bundle, "graphs", model))
    arrays = graph.weights()
    fold_normalisations(graph, arrays)
    return graph, arrays


@functools.lru_cache(maxsize=2)
def computation(bundle, model, dtype):
    """A model in PyTorch, and the bytes of its weights."""
    graph, arrays = network(bundle, model)
    framework = Torch("cuda", dtype)
    tensors = {name: framework.tensor(array) for name, array in arrays.items()}
    return Computation(graph, framework, tensors), sum(t.element_size() * t.nelement() for t in tensors.values())


@functools.lru_cache(maxsize=1)
def compiled(path):
    return tenon.load(path)


def on_device(computed, inputs):
    """The inputs as tensors of a computation's framework, in the order of its graph."""
    return [computed.framework.tensor(inputs[name]) for name in computed.network.inputs]


def reference(bundle, case, inputs):
    """The results of PyTorch in fp32, as numpy arrays by name, and how many operations they take."""
    set_precision("fp32")
    computed, _ = computation(bundle, case["model"], torch.float32)
    with torch.no_grad():
        results = computed.count(*on_device(computed, inputs))
    return {n: t.float().cpu().numpy() for n, t in zip(computed.network.outputs, results)}, computed.flops


def difference(found, expected):
    """The largest error, relative to an output's largest magnitude, and the least cosine similarity."""
    error, cosine = 0.0, 1.0
    for name, value in expected.items():
        a, b = found[name].astype(np.float64).ravel(), value.astype(np.float64).ravel()
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        error = max(error, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)), key=lambda x: (x != x, x))
        cosine = min(cosine, float(a @ b / lengths) if lengths else 1.0, key=lambda x: (x == x, x))
    return error, cosine


class Peer:
    """One that computes a case again and again."""

    def time(self, runs):
        """Milliseconds of each of `runs` runs, from the call until all is done."""
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            self.run()
            times.append(1e3 * (time.perf_counter() - begin))
        return times


class Tenon(Peer):
    """A compiled model, with tensors in the device's memory if it takes them."""

    def __init__(self, bundle, case, precision, inputs, expected):
        # Without a model of its own, TF32 of PyTorch is compared with fp32.
        names = [f"{case['model']}-{kind}.so" for kind in dict.fromkeys((precision, precision.replace("tf32", "fp32")))]
        paths = [weights.filled(bundle, os.path.join("models", name)) for name in names]
        path = next((path for path in paths if os.path.exists(path)), None)
        if not path:
            raise Failed(f"there is no {names[0]} in this bundle")
        self.precision = path[: -len(".so")].rsplit("-")[-1]
        self.session = compiled(path).session()
        self.inputs = {name: torch.from_numpy(array).cuda() for name, array in inputs.items()}
        self.outputs = {name: torch.empty(array.shape, device="cuda") for name, array in expected.items()}
        self.takes_device = True
        try:
            self.prepare()
        except (tenon.Error, TypeError, ValueError, BufferError, AttributeError, RuntimeError):
            self.takes_device = False
            self.inputs = inputs
            self.outputs = {name: np.empty(array.shape, np.float32) for name, array in expected.items()}
            try:
                self.prepare()
            except tenon.Error as error:
                raise Failed(str(error)) from None

    def prepare(self):
        """Runs once by the package, and keeps the call of the runtime that it makes: what Python does with each of GPT-2's
        fifty tensors before that call would take longer than the GPU."""
        library, calls = self.session._library, []

        class Recorder:
            def __getattr__(self, name):
                return getattr(library, name)

            def tenon_session_run(self, *arguments):
                calls.append(arguments)
                return library.tenon_session_run(*arguments)

        self.session._library = Recorder()
        try:
            self.session.run(self.inputs, self.outputs)
        finally:
            self.session._library = library
        self.call = functools.partial(library.tenon_session_run, *calls[-1])

    def run(self):
        self.session._check(self.call())

    def is_one_graph(self):
        """Whether the last run was one launch of a CUDA graph; None if this Tenon does not say."""
        return getattr(self.session, "was_replayed", None)

    def results(self):
        self.run()
        return {name: x.cpu().numpy() if self.takes_device else x for name, x in self.outputs.items()}


class PyTorch(Peer):
    """The same graph in PyTorch."""

    def __init__(self, bundle, case, precision, inputs, mode, memory):
        set_precision(precision)
        self.mode, self.memory = mode, memory
        computed, self.weight_bytes = computation(bundle, case["model"], DTYPES[precision])
        self.inputs = on_device(computed, inputs)
        self.on_host = [x.cpu().pin_memory() for x in self.inputs]
        with torch.no_grad():
            computed(*self.inputs)  # makes what is known tensors
            self.function = self.recorded(computed) if mode == "graph" else self.compiled(computed, mode)
            for _ in range(3):
                self.run()

    def compiled(self, computed, mode):
        from torch.fx.experimental.proxy_tensor import make_fx

        # The interpreter's own work is done here: what is compiled are operations on tensors.
        traced = make_fx(lambda *inputs: computed(*inputs))(*self.inputs)
        for buffer in traced.buffers():
            # So that its CUDA graphs read weights where they are, instead of copying them for each run.
            torch._dynamo.mark_static_address(buffer)
        return torch.compile(traced, mode=mode, dynamic=False)

    def recorded(self, computed):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                computed(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = computed(*self.inputs)

        def replay(*_):
            graph.replay()
            return results

        return replay

    def run(self):
        with torch.no_grad():
            if self.memory == "host":
                for target, source in zip(self.inputs, self.on_host):
                    target.copy_(source, non_blocking=True)
            results = self.function(*self.inputs)
            if self.memory == "host":
                for result in results:
                    result.cpu()
        torch.cuda.synchronize()
