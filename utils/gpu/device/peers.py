"""The two that compare times: Tenon, and PyTorch in its modes. Both compute a case of timed.json."""

import functools
import os
import time

import numpy as np
import torch

import tenon
import weights
from bundled import TIMED_PRECISIONS
from differences import Difference, Mismatch, difference
from folding import fold_functions, fold_normalisations
from network import Computation, Network
from torch_framework import Torch

#: How PyTorch computes: what its compiler makes, and its own kernels as a CUDA graph.
MODES = ("max-autotune", "graph")
DTYPES = {name: torch.float16 if name == "fp16" else torch.float32 for name in TIMED_PRECISIONS}


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
    fold_functions(graph, arrays)
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


def named(computed, results):
    """The results of a computation as numpy arrays by name, in fp32."""
    return {name: x.float().cpu().numpy() for name, x in zip(computed.network.outputs, results)}


def reference(bundle, case, inputs):
    """The results of PyTorch in fp32, as numpy arrays by name, and how many operations they take."""
    set_precision("fp32")
    computed, _ = computation(bundle, case["model"], torch.float32)
    with torch.no_grad():
        results = computed.count(*on_device(computed, inputs))
    return named(computed, results), computed.flops


def distance(found, expected):
    """The differences.Difference of outputs by name: the worst of all. Raises Mismatch."""
    worst = Difference()
    for name, value in expected.items():
        try:
            worst = worst.worst(difference(found[name], value))
        except Mismatch as mismatch:
            raise Mismatch(f"{name} {mismatch}") from None
    return worst


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
    """A compiled model, with tensors in the device's memory."""

    def __init__(self, bundle, case, precision, inputs, expected):
        path = weights.filled(bundle, os.path.join("models", f"{case['model']}-{precision}.so"))
        self.session = compiled(path).session()
        self.inputs = {name: torch.from_numpy(array).cuda() for name, array in inputs.items()}
        self.outputs = {name: torch.empty(array.shape, device="cuda") for name, array in expected.items()}
        self.prepare()

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
        """Whether the last run was one launch of a CUDA graph."""
        return self.session.was_replayed

    def results(self):
        self.run()
        return {name: x.cpu().numpy() for name, x in self.outputs.items()}


class PyTorch(Peer):
    """The same graph in PyTorch."""

    def __init__(self, bundle, case, precision, inputs, mode):
        set_precision(precision)
        self.mode = mode
        self.computed, self.weight_bytes = computation(bundle, case["model"], DTYPES[precision])
        self.inputs = on_device(self.computed, inputs)
        with torch.no_grad():
            self.computed(*self.inputs)  # makes what is known tensors
            self.function = self.recorded() if mode == "graph" else self.compiled()
            for _ in range(3):
                self.run()

    def compiled(self):
        from torch.fx.experimental.proxy_tensor import make_fx

        # The interpreter's own work is done here: what is compiled are operations on tensors.
        traced = make_fx(lambda *inputs: self.computed(*inputs))(*self.inputs)
        for buffer in traced.buffers():
            # So that its CUDA graphs read weights where they are, instead of copying them for each run.
            torch._dynamo.mark_static_address(buffer)
        return torch.compile(traced, mode=self.mode, dynamic=False)

    def recorded(self):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.computed(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = self.computed(*self.inputs)

        def replay(*_):
            graph.replay()
            return results

        return replay

    def run(self):
        with torch.no_grad():
            results = self.function(*self.inputs)
        torch.cuda.synchronize()
        return results

    def results(self):
        return named(self.computed, self.run())
