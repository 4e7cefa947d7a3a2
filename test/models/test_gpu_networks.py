"""Computes sample models' graphs as utils/gpu/device/network.py does, by numpy, and by torch where that is installed: they
give what ONNX Runtime gives.

    test_gpu_networks.py [-v]
"""

import collections
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(root, *folder) for folder in
                (("utils", "models"), ("utils", "gpu"), ("utils", "gpu", "device"))]
import cases as model_cases
import folding
import graphs
import network
import results

try:
    import torch
except ImportError:
    torch = None
#: Between them they have all operators of those that are timed, but for some of shapes that ViT-B/16 alone has.
CASES = ["bert_base-2x16", "gpt2-2x5-past-11", "resnet50-64x96", "unet-32x48"]


def unet_products(height, width):
    """The multiplications of a U-Net: two convolutions of 3 x 3 a level on each side, transposed ones of 2 x 2 upwards."""
    channels = [64, 128, 256, 512, 1024]
    pixels = [height * width // 4**level for level in range(5)]
    down = sum(9 * p * (c * before + c * c) for p, c, before in zip(pixels, channels, [3] + channels))
    up = sum(9 * p * (c * 2 * c + c * c) + p * c * below for p, c, below in zip(pixels, channels, channels[1:]))
    return down + up + pixels[0] * channels[0] * 2


#: The multiplications of two cases. Of GPT-2's ten tokens, in twelve layers: queries, keys and values, attention's two
#: products of 2 x 12 heads with 5 queries and 16 keys of 64, and what is behind; then the vocabulary.
PRODUCTS = {"gpt2": 12 * (10 * 768 * (3 + 1 + 4 + 4) * 768 + 2 * 24 * 5 * 16 * 64) + 10 * 768 * 50257,
            "unet": unet_products(32, 48)}


#: How often functions are found that exporters take apart, and what would be left of one that is not.
FUNCTIONS = {"none": dict.fromkeys(("Attention", "Gelu", "LayerNormalization", "Linear", "Erf", "Softmax", "Sqrt"), 0)}
FUNCTIONS["bert_base"] = FUNCTIONS["none"] | {"Attention": 12, "Gelu": 12, "LayerNormalization": 25, "Linear": 72}
FUNCTIONS["gpt2"] = FUNCTIONS["none"] | {"Attention": 12, "Gelu": 12, "LayerNormalization": 25}


class NetworkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        subprocess.run([os.path.join(model_cases.here, "make_reference"), *CASES], check=True)
        cls.models, cls.cases = model_cases.load()

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def check(self, name):
        case = next(case for case in self.cases if case["name"] == name)
        target = os.path.join(self.scratch.name, case["model"])
        graphs.write_graph(self.models[case["model"]]["path"], case["model"], target)
        # Nearly all weights are seeds.
        self.assertLess(os.path.getsize(target + ".npz"), 3e6)
        graph = network.Network(target)
        weights = graph.weights()
        folding.fold_normalisations(graph, weights)
        folding.fold_functions(graph, weights)
        count = collections.Counter(node["op"] for node in graph.nodes)
        self.assertEqual({op: count[op] for op in FUNCTIONS["none"]}, FUNCTIONS.get(case["model"], FUNCTIONS["none"]))
        self.assertFalse(count["BatchNormalization"])
        inputs = [np.load(os.path.join(case["folder"], f"input_{i}.npy")) for i in range(len(graph.inputs))]
        self.assertEqual(graph.inputs, results.names_of(case)["inputs"])
        computed = network.Computation(graph, network.NUMPY, weights)
        self.compare(case, graph, computed.count(*inputs))
        if case["model"] in PRODUCTS:
            self.assertEqual(computed.flops, 2 * PRODUCTS[case["model"]])
        if torch:
            self.check_torch(case, graph, weights, inputs)

    def check_torch(self, case, graph, weights, inputs):
        from torch.fx.experimental.proxy_tensor import make_fx
        from torch_framework import Torch

        framework = Torch("cpu", torch.float32)
        computed = network.Computation(graph, framework, {name: framework.tensor(w) for name, w in weights.items()})
        tensors = [framework.tensor(x) for x in inputs]
        with torch.no_grad():
            self.compare(case, graph, [x.numpy() for x in computed(*tensors)])
            traced = make_fx(lambda *x: computed(*x))(*tensors)
            self.compare(case, graph, [x.numpy() for x in traced(*tensors)])

    def compare(self, case, graph, found):
        for i, (name, value) in enumerate(zip(graph.outputs, found)):
            expected = np.load(os.path.join(case["folder"], f"output_{i}.npy"))
            error = np.abs(value - expected).max() / np.abs(expected).max()
            self.assertLess(error, 2e-5, f"{case['name']}: {name}")


for one in CASES:
    setattr(NetworkTest, "test_" + one.replace("-", "_"), lambda self, name=one: self.check(name))

if __name__ == "__main__":
    unittest.main()
