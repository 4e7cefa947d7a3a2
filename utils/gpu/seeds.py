"""Cuts the seeded weights of the sample models out of compiled models: finds for a constant which numbers it was made of.

Compiling permutes weights, multiplies them with factors of a normalisation, and rounds them. So a constant is compared with
each weight of its size in each order; it is the same if their ratio is constant, in all or along an axis.
"""

import hashlib
import itertools
import json
import os
import re
import struct

import numpy as np
import onnx
from onnx import numpy_helper

import weights
from seeded import stepped

#: Constants with fewer bytes stay.
LEAST = 1 << 16
#: How much ratios of numbers of a type may vary.
PRECISION = {"f32": 1e-5, "f16": 2e-3, "bf16": 1e-2}
WEIGHT = re.compile(r"tenon_rt\.weight @\S+ at (\d+)(?: on_device at \d+)? = .* : tensor<((?:\d+x)*)(\w+)>")


def find_constants(ir):
    """[(offset among the weights, number of elements, type)] of the large constants, and the bytes of all."""
    found, size = [], 0
    with open(ir, encoding="utf-8") as file:
        for match in filter(None, map(WEIGHT.search, file)):
            elements = int(np.prod([int(n) for n in match[2].split("x")[:-1]], dtype=np.int64))
            kind = match[3]
            bits = int(re.search(r"\d+$", kind)[0])
            size = max(size, int(match[1]) + elements * ((bits + 7) // 8))
            if kind in weights.BITS and elements * weights.BITS[kind].itemsize >= LEAST:
                found.append((int(match[1]), elements, kind))
    return sorted(found), size


def find_weights(library, size):
    """Where the weights begin in the file of a compiled model, by its description. 0 if that is not found."""
    sections_at, = struct.unpack_from("<Q", library, 0x28)
    width, count = struct.unpack_from("<HH", library, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", library, sections_at + i * width) for i in range(count)]
    file_offset = lambda address: next((offset + address - start for _, kind, _, start, offset, length in sections
                                        if kind == 1 and start <= address < start + length), 0)
    pointers = {}
    for _, kind, _, _, offset, length in sections:
        if kind == 4:  # relocations with addends
            relocations = struct.iter_unpack("<QQq", library[offset : offset + length])
            pointers.update((where, addend) for where, _, addend in relocations)
    for where, address in pointers.items():
        at = file_offset(where + 8)
        if at and struct.unpack_from("<Q", library, at) == (size,):
            return file_offset(address)
    return 0


class Weight:
    """An initializer of a sample model of seeded numbers."""

    def __init__(self, seed, array):
        self.seed = seed
        self.shape = list(array.shape)
        integers = stepped(seed, self.shape, 1)
        at = np.unravel_index(int(np.abs(integers).argmax()), integers.shape)
        step = np.float32(array[at] / integers[at])
        # The quotient is rounded: it may be one of its neighbours.
        steps = [step, np.nextafter(step, np.float32(0)), np.nextafter(step, np.float32(np.inf))]
        exact = [s for s in steps if np.array_equal(integers * s, array)]
        #: Whether the weight is the seeded numbers times a step; else it has factors of a normalisation as well.
        self.is_exact = bool(exact)
        self.step = float(exact[0]) if exact else 1.0
        self.numbers = integers * np.float32(self.step)

    def orders(self):
        """The permutations that differ in more than axes of one element."""
        seen = set()
        for permutation in itertools.permutations(range(len(self.shape))):
            order = tuple(axis for axis in permutation if self.shape[axis] > 1)
            if order not in seen:
                seen.add(order)
                yield list(permutation)


def is_constant(ratios, kind):
    mean = ratios.mean()
    return np.isfinite(mean) and mean != 0 and np.abs(ratios - mean).max() <= PRECISION[kind] * abs(mean)


def match(values, kind, weight):
    """How float64 `values` are made of a weight, or None."""
    for permutation in weight.orders():
        view = weight.numbers.transpose(permutation)
        shaped = values.reshape(view.shape)
        for axis in [None] + [a for a, n in enumerate(weight.shape) if n > 1]:
            at = tuple(slice(0, 1) if a == axis else slice(None) for a in permutation)
            mine, theirs = view[at].reshape(-1)[:2000], shaped[at].reshape(-1)[:2000]
            good = np.abs(mine) > 0.1 * np.abs(mine).max()
            if good.any() and is_constant(theirs[good] / mine[good].astype(np.float64), kind):
                return permutation, axis
    return None


def cut_of(bits, kind, weight):
    """(the description of a cut, factors, rounding) for a constant that is made of a weight; else None."""
    values = (bits.view(np.float32) if kind == "f32" else bits.view(np.float16) if kind == "f16" else
              (bits.view(np.uint16).astype(np.uint32) << 16).view(np.float32)).astype(np.float64)
    found = match(values, kind, weight)
    if not found:
        return None
    permutation, axis = found
    cut = {"seed": weight.seed, "shape": weight.shape, "permutation": permutation, "step": weight.step, "kind": kind}
    exact = weights.predict(cut, None)
    factors = None
    if axis is not None or not np.array_equal(exact, bits):
        # One factor is one along an axis of all.
        cut["axis"] = axis if axis is not None else 0
        shaped = values.reshape([weight.shape[a] for a in permutation]).transpose(np.argsort(permutation))
        others = tuple(a for a in range(shaped.ndim) if a != cut["axis"])
        # The quotient of the sums of magnitudes: roundings cancel in it.
        signs = np.sign((shaped * weight.numbers).sum(axis=others))
        factors = signs * np.abs(shaped).sum(axis=others) / np.abs(weight.numbers.astype(np.float64)).sum(axis=others)
        if not np.isfinite(factors).all():
            return None
    rounding = bits - weights.predict(cut, factors)
    cut["rounded"] = bool(rounding.any())
    # Numbers with many bits would not be worth it.
    if np.abs(rounding.astype(np.int64)).max() > 127:
        return None
    return cut, factors, rounding.astype(np.int8)


def cut_weights(library_path, ir, onnx_path, name, target):
    """Writes a compiled model to TARGET.cut, .json and .npz, without the weights of the sample model `name`. Gives how many
    bytes were cut out; with 0 nothing is written."""
    constants, size = find_constants(ir)
    with open(library_path, "rb") as file:
        library = file.read()
    begin = find_weights(library, size)
    if not begin:
        return 0
    by_size = {}
    for tensor in onnx.load(onnx_path).graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) * 2 >= LEAST:
            by_size.setdefault(int(np.prod(tensor.dims)), []).append(tensor)
    made = {}
    cuts, arrays = [], {}
    for offset, elements, kind in constants:
        at = begin + offset
        bits = np.frombuffer(library, weights.BITS[kind], elements, at)
        for tensor in by_size.get(elements, []):
            if tensor.name not in made:
                array = numpy_helper.to_array(tensor, os.path.dirname(onnx_path))
                made[tensor.name] = Weight(f"{name}/{tensor.name}", array)
            found = cut_of(bits, kind, made[tensor.name])
            if found:
                cut, factors, rounding = found
                if factors is not None:
                    arrays[f"factors_{len(cuts)}"] = factors
                if cut["rounded"]:
                    arrays[f"rounding_{len(cuts)}"] = rounding
                cuts.append({"at": at, **cut})
                # A weight may be there twice.
                break
    if not cuts:
        return 0
    position = total = 0
    with open(target + ".cut", "wb") as file:
        for cut in cuts:
            file.write(library[position : cut["at"]])
            length = int(np.prod(cut["shape"], dtype=np.int64)) * weights.BITS[cut["kind"]].itemsize
            position = cut["at"] + length
            total += length
        file.write(library[position:])
    with open(target + ".json", "w", encoding="utf-8") as file:
        json.dump({"sha256": hashlib.sha256(library).hexdigest(), "cuts": cuts}, file)
    np.savez(target + ".npz", **arrays)
    return total
