"""Fills seeded weights into compiled models that were carried without them.

Beside such a model, MODEL.cut, stands MODEL.json, which says what was cut out: for each place the seed of the numbers,
their shape before they were permuted, what they are multiplied with (steps of the seeded integers, and perhaps one number
for each index along an axis), and the type that they have in the model. MODEL.npz holds these factors, and what rounding
made of the numbers beyond that. A digest tells that the result is the model that was compiled, to the bit.
"""

import hashlib
import json
import os

import numpy as np
from seeded import stepped

#: By the names of the types: the integers in which differences are counted.
BITS = {"f32": np.dtype(np.int32), "f16": np.dtype(np.int16), "bf16": np.dtype(np.int16)}


def to_bits(numbers, kind):
    """float32 numbers as the bits of a type."""
    if kind == "f32":
        return numbers.view(np.int32)
    if kind == "f16":
        with np.errstate(over="ignore"):
            return numbers.astype(np.float16).view(np.int16)
    bits = numbers.view(np.uint32)
    return ((bits + (np.uint32(0x7FFF) + ((bits >> 16) & 1))) >> 16).astype(np.uint16).view(np.int16)


def permuted(numbers, cut):
    """In the order of the compiled model, flat."""
    return np.ascontiguousarray(numbers.transpose(cut["permutation"])).reshape(-1)


def predict(cut, factors):
    """The bits of what was cut out, but for rounding. `factors` are those along the axis, if there is one."""
    numbers = stepped(cut["seed"], cut["shape"], cut["step"])
    if factors is not None:
        along = [1] * numbers.ndim
        along[cut["axis"]] = -1
        numbers = (numbers * factors.reshape(along)).astype(np.float32)
    return to_bits(permuted(numbers, cut), cut["kind"])


def filled(bundle, model):
    """The path of a bundle's compiled model, which is put together if it was cut. Raises ValueError if it comes out wrong.
    """
    source = os.path.join(bundle, model)
    if not os.path.exists(source + ".cut"):
        return source
    with open(source + ".json", encoding="utf-8") as file:
        recipe = json.load(file)
    # By its digest: a newer bundle may be unpacked to the same place.
    target = os.path.join(bundle, "filled", recipe["sha256"] + ".so")
    if os.path.exists(target):
        return target
    os.makedirs(os.path.dirname(target), exist_ok=True)
    digest, unfinished = hashlib.sha256(), f"{target}.{os.getpid()}"
    with np.load(source + ".npz") as arrays, open(source + ".cut", "rb") as rest, open(unfinished, "wb") as file:

        def write(data):
            digest.update(data)
            file.write(data)

        for i, cut in enumerate(recipe["cuts"]):
            write(rest.read(cut["at"] - file.tell()))
            bits = predict(cut, arrays[f"factors_{i}"] if "axis" in cut else None)
            if cut["rounded"]:
                bits = bits + arrays[f"rounding_{i}"]
            write(bits.tobytes())
        write(rest.read())
    if digest.hexdigest() != recipe["sha256"]:
        os.remove(unfinished)
        raise ValueError(f"{model}: its weights come out different here")
    os.replace(unfinished, target)
    return target
