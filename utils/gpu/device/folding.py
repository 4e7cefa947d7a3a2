"""Writes parts of a network as whoever writes it for a framework would: as one function where the framework has one.

What exporters take apart would otherwise be timed in pieces: normalisation, GELU, attention, a product with its bias.
"""

import numpy as np


class Folder:
    """Looks at a network and puts nodes in the place of others. Nodes whose results nobody reads any more go at the end."""

    def __init__(self, network, weights):
        self.network, self.weights = network, weights
        self.makers = {name: node for node in network.nodes for name in node["outputs"]}

    def made_by(self, name, *ops):
        """The node that makes a value, if it is one of these operators."""
        node = self.makers.get(name)
        return node if node and node["op"] in ops else None

    def number(self, name):
        """The value of a known number, else None."""
        array = self.network.constants.get(name, self.weights.get(name))
        return array.item() if array is not None and array.size == 1 else None

    def is_number(self, name, value):
        found = self.number(name)
        return found is not None and abs(found - value) <= 1e-6 * abs(value)

    def split(self, node, *ops):
        """Of an operator of two operands in any order: the node of one of `ops` that makes one, and the other's name."""
        for one, other in (node["inputs"], node["inputs"][::-1]):
            if maker := self.made_by(one, *ops):
                yield maker, other

    def without_number(self, node, value):
        """The operand beside a known number."""
        for one, other in (node["inputs"], node["inputs"][::-1]):
            if self.is_number(one, value):
                return other
        return None

    def replace(self, node, op, inputs, **attributes):
        """Makes a node another one, with the same result."""
        node.update(op=op, inputs=inputs, attributes=attributes)

    def drop_unread(self):
        read, kept = set(self.network.outputs), []
        for node in reversed(self.network.nodes):
            if read.intersection(node["outputs"]):
                read.update(node["inputs"])
                kept.append(node)
        self.network.nodes[:] = kept[::-1]


def fold_layer_norm(folder, node):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias."""
    for product, bias in folder.split(node, "Mul") if node["op"] == "Add" else ():
        for quotient, scale in folder.split(product, "Div"):
            centred, deviation = (folder.makers.get(name) for name in quotient["inputs"])
            if not centred or centred["op"] != "Sub" or not deviation or deviation["op"] != "Sqrt":
                continue
            x, mean = centred["inputs"]
            total = folder.made_by(deviation["inputs"][0], "Add")
            variance = total and folder.made_by(total["inputs"][0], "ReduceMean")
            power = variance and folder.made_by(variance["inputs"][0], "Pow")
            if (power and power["inputs"][0] == quotient["inputs"][0] and folder.is_number(power["inputs"][1], 2)
                    and folder.made_by(mean, "ReduceMean") and folder.makers[mean]["inputs"] == [x]
                    and {scale, bias} <= folder.weights.keys()):
                folder.replace(node, "LayerNormalization", [x, scale, bias], epsilon=folder.number(total["inputs"][1]))
                return


def fold_gelu(folder, node):
    """x * (1 + erf(x / sqrt(2))) / 2, and x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))."""
    if node["op"] != "Mul":
        return
    half = folder.without_number(node, 0.5)
    product = half and folder.made_by(half, "Mul")
    for total, x in folder.split(product, "Add") if product else ():
        erf = folder.made_by(folder.without_number(total, 1), "Erf")
        ratio = erf and folder.made_by(erf["inputs"][0], "Div")
        if ratio and ratio["inputs"][0] == x and folder.is_number(ratio["inputs"][1], np.sqrt(2)):
            folder.replace(node, "Gelu", [x], approximate="none")
            return
    for total, part in folder.split(node, "Add"):
        halved = folder.made_by(part, "Mul")
        x = halved and folder.without_number(halved, 0.5)
        tanh = x and folder.made_by(folder.without_number(total, 1), "Tanh")
        scaled = tanh and folder.made_by(tanh["inputs"][0], "Mul")
        polynomial = scaled and folder.made_by(folder.without_number(scaled, np.sqrt(2 / np.pi)), "Add")
        for cubic, other in folder.split(polynomial, "Mul") if polynomial else ():
            power = folder.made_by(folder.without_number(cubic, 0.044715), "Pow")
            if other == x and power and power["inputs"][0] == x and folder.is_number(power["inputs"][1], 3):
                folder.replace(node, "Gelu", [x], approximate="tanh")
                return


def fold_attention(folder, node):
    """softmax(q * k / divisor where keep, else the lowest number, + mask) * v."""
    softmax = folder.made_by(node["inputs"][0], "Softmax") if node["op"] == "MatMul" else None
    if not softmax or softmax["attributes"].get("axis", -1) not in (-1, 3):
        return
    scores, mask, keep, divisor = softmax["inputs"][0], "", "", ""
    if added := folder.made_by(scores, "Add"):
        ((_, mask),) = list(folder.split(added, "Where", "Div", "MatMul"))[:1] or (("", ""),)
        scores = next((name for name in added["inputs"] if name != mask), "")
    if (chosen := folder.made_by(scores, "Where")) and (folder.number(chosen["inputs"][2]) or 0) < -1e4:
        keep, scores = chosen["inputs"][:2]
    quotient = folder.made_by(scores, "Div")
    if quotient and quotient["inputs"][1] not in folder.weights:
        scores, divisor = quotient["inputs"]
    if product := folder.made_by(scores, "MatMul"):
        folder.replace(node, "Attention", [*product["inputs"], node["inputs"][1], divisor, keep, mask])


def fold_bias(folder, node):
    """A product with weights and a bias for each column."""
    for product, bias in folder.split(node, "MatMul") if node["op"] == "Add" else ():
        x, weight = product["inputs"]
        if all(name in folder.weights for name in (weight, bias)) and folder.weights[bias].ndim == 1:
            folder.replace(node, "Linear", [x, weight, bias])
            return


def fold_functions(network, weights):
    """Changes the network; what is computed stays the same."""
    folder = Folder(network, weights)
    for fold in (fold_layer_norm, fold_gelu, fold_attention, fold_bias):
        for node in network.nodes:
            fold(folder, node)
    folder.drop_unread()


def fold_normalisations(network, weights):
    """Makes batch normalisations a part of the convolutions before them, as whoever deploys a network does. Changes both."""
    readers, makers = {}, {}
    for node in network.nodes:
        makers.update((name, node) for name in node["outputs"])
        for name in node["inputs"]:
            readers.setdefault(name, []).append(node)
    for node in [n for n in network.nodes if n["op"] == "BatchNormalization"]:
        conv = makers.get(node["inputs"][0])
        if not conv or conv["op"] != "Conv" or len(readers[node["inputs"][0]]) > 1:
            continue
        scale, shift, mean, variance = (weights[name].astype(np.float64) for name in node["inputs"][1:])
        scale = scale / np.sqrt(variance + node["attributes"]["epsilon"])
        weight, *bias = conv["inputs"][1:]
        offset = weights[bias[0]] if bias else 0.0
        folded = [weight + " folded", weight + " shift"]
        weights[folded[0]] = (weights[weight] * scale.reshape(-1, 1, 1, 1)).astype(np.float32)
        weights[folded[1]] = (shift + (offset - mean) * scale).astype(np.float32)
        conv["inputs"][1:], conv["outputs"] = folded, node["outputs"]
        network.nodes.remove(node)
