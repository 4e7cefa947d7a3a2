"""The model cases of test/models/cases.json: their inputs, made from seeds, and where their files are."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import zlib

import numpy as np

from seeded import uniform

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.normpath(os.path.join(here, "..", ".."))
models_folder = os.path.join(root, ".models")
reference_folder = os.path.join(models_folder, "reference")
sys.path.insert(0, here)


def load():
    """(models, cases): both as in cases.json, with absolute paths added to the models, and inputs written out.

    A case with "batches" stands for one more for each of them, whose inputs have so many times the size in their first
    dimension, or in "batch_dim"; those are only timed.
    """
    with open(os.path.join(root, "test", "models", "cases.json"), encoding="utf-8") as file:
        content = json.load(file)
    models = content["models"]
    for name, model in models.items():
        model["name"] = name
        model["path"] = os.path.join(models_folder, model["file"])
    cases = []
    for case in content["cases"]:
        cases += [case] + [in_batch(case, count) for count in case.pop("batches", [])]
    for case in cases:
        case["inputs"] = [spec for spec in case["inputs"] for _ in range(spec.get("repeat", 1))]
        case["folder"] = os.path.join(reference_folder, case["name"])
    return models, cases


def make_references(cases):
    """Has ONNX Runtime compute what the cases should give, where that is not there yet."""
    subprocess.run([os.path.join(here, "make_reference")] + [case["name"] for case in cases], check=True)


def in_batch(case, count):
    """A case whose inputs are `count` times as large in the dimension of the batch; a scalar has none."""
    inputs = [dict(spec) for spec in case["inputs"]]
    for spec in inputs:
        batch = spec.get("batch_dim", 0)
        spec["shape"] = [size * count if i == batch else size for i, size in enumerate(spec["shape"])]
        if "ones" in spec:
            spec["ones"] = count * spec["ones"]
    return {**case, "name": f"{case['name']}-batch{count}", "inputs": inputs, "only_time": True}


def select(cases, patterns):
    """The cases whose name starts with one of `patterns`; all of them without patterns."""
    if not patterns:
        return cases
    return [case for case in cases if any(case["name"].startswith(p) for p in patterns)]


def checked(cases, emulate=False):
    """The cases whose results are compared: of a device that is emulated small ones, since that takes its time."""
    if emulate:
        return [case for case in cases if case.get("emulate") or case.get("only_emulate")]
    return [case for case in cases if not case.get("only_time") and not case.get("only_emulate")]


def add_arguments(parser, cases):
    """What the scripts that run cases have in common: which cases, and of which build. `cases` are told in the help."""
    parser.add_argument("patterns", nargs="*", metavar="NAME", help="only cases whose name starts so")
    parser.add_argument("--build", default=os.path.join(root, "build"), help="build folder (build)")
    names = "cases: " + ", ".join(case["name"] for case in cases)
    parser.epilog = textwrap.fill(names, 110, subsequent_indent="  ", break_on_hyphens=False)


def choose(parser, cases, patterns):
    """As `select`; an error of usage if a pattern selects nothing."""
    for pattern in patterns:
        if not select(cases, [pattern]):
            parser.error(f"no case's name starts with '{pattern}'\n{parser.epilog}")
    return select(cases, patterns)


def shapes(case):
    """The case's name without the model's, for people: its shapes."""
    return case["name"][len(case["model"]) + 1 :].replace("-", " ").replace("x", "×")


def update_document(path, markers, text):
    """Replaces what stands between two markers in a document."""
    with open(path, encoding="utf-8") as file:
        content = file.read()
    start, end = (content.index(marker) for marker in markers)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content[: start + len(markers[0])] + "\n" + text + "\n" + content[end:])


def text_pictures():
    """The sample pictures of text lines, in blue, green, red, 0 to 255."""
    from PIL import Image

    folder = os.path.join(root, "examples", "ocr", "pictures")
    for name in sorted(os.listdir(folder)):
        yield np.asarray(Image.open(os.path.join(folder, name)).convert("RGB"), dtype=np.float32)[:, :, ::-1]


def resize_height(picture, height):
    """Bilinear, in proportion: what the recogniser's preprocessing does (see examples/ocr/README.md)."""
    from convnet import interpolate

    width = -(-height * picture.shape[1] // picture.shape[0])
    rows = np.clip((np.arange(height) + 0.5) * picture.shape[0] / height - 0.5, 0, picture.shape[0] - 1)
    columns = np.clip((np.arange(width) + 0.5) * picture.shape[1] / width - 0.5, 0, picture.shape[1] - 1)
    return interpolate(interpolate(picture.astype(np.float64), rows, 0), columns, 1)


def lines(shape):
    """Text lines as the recogniser wants them, cut or padded to the width."""
    batch, channels, height, width = shape
    result = np.zeros(shape, dtype=np.float32)
    pictures = [resize_height(p, height) for p in text_pictures()]
    for i in range(batch):
        picture = pictures[i % len(pictures)].transpose(2, 0, 1)[:, :, :width]
        result[i, :, :, : picture.shape[2]] = (picture / 255 - 0.5) / 0.5
    return result


def page(shape):
    """A page of text lines as the detector wants it: normalised with ImageNet's mean and deviation.

    The paper has a grain, as a scanned one has. On perfectly even paper the detector is ill-conditioned: ONNX Runtime's
    own results, with and without its optimisations, differ by 2e-4 there, and by 1.5e-5 with the grain.
    """
    batch, channels, height, width = shape
    paper = np.full((height, width, 3), 235.0)
    pictures = list(text_pictures())
    top, number = 20, 0
    while True:
        picture = resize_height(pictures[number % len(pictures)], 32 + 8 * (number % 4))
        if top + picture.shape[0] > height - 10:
            break
        left = 16 + 60 * (number % 3)
        picture = picture[:, : width - left]
        paper[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        top += picture.shape[0] + 24
        number += 1
    values = (paper / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    return (values.transpose(2, 0, 1) + uniform("paper", shape, 0.05)).astype(np.float32)


def speech(seed, shape):
    """Something like a voice at 16 kHz, [chunks,] batch, length: gliding overtones in syllables, a little noise."""
    chunks, batch, length = (1, *shape) if len(shape) == 2 else shape
    count = chunks * length
    time = np.arange(count) / 16000.0
    result = np.zeros((batch, count))
    for b in range(batch):
        pitch = 120 + 40 * b + 30 * np.sin(2 * np.pi * 1.3 * time)
        phase = 2 * np.pi * np.cumsum(pitch) / 16000.0
        voice = sum(np.sin(k * phase + k) / k for k in range(1, 12))
        syllables = np.clip(np.sin(2 * np.pi * 3.1 * time + 0.9 * b + 0.8), 0, 1)
        syllables *= np.sin(2 * np.pi * 0.5 * time + 1) > -0.3
        result[b] = 0.15 * voice * syllables + 0.003 * uniform(f"{seed}/{b}", (count,))
    return result.reshape(batch, chunks, length).transpose(1, 0, 2).reshape(shape).astype(np.float32)


def make_input(case, index):
    """The array of one input of a case."""
    from convnet import picture

    spec = case["inputs"][index]
    shape = tuple(spec["shape"])
    seed = f"{case['name']}/{index}"
    fill = spec["fill"]
    if fill == "page":
        array = page(shape)
    elif fill == "lines":
        array = lines(shape)
    elif fill == "picture":
        array = picture(seed, shape[0], shape[2], shape[3])
    elif fill == "speech":
        array = speech(seed, shape)
    elif fill == "zeros":
        array = np.zeros(shape)
    elif fill == "noise":
        array = uniform(seed, shape, 0.5)
    elif fill == "value":
        array = np.full(shape, spec["value"])
    elif fill == "ids":
        array = np.random.RandomState(zlib.crc32(seed.encode())).randint(0, spec["below"], size=shape)
    elif fill == "mask":
        places = np.arange(shape[1])
        array = np.stack([places >= shape[1] - n if spec.get("left") else places < n for n in spec["ones"]])
    else:
        raise ValueError(f"{case['name']}: no fill {fill}")
    return np.ascontiguousarray(array, dtype=spec.get("type", "float32")).reshape(shape)


def file_hash(path, cache={}):
    """SHA-256 of a file, and of its external data beside it; remembered in .models by size and time of change."""
    paths = [path] + [p for p in (path + ".data",) if os.path.exists(p)]
    key = repr([(p, os.path.getsize(p), os.stat(p).st_mtime_ns) for p in paths])
    store = os.path.join(models_folder, "hashes.json")
    if not cache and os.path.exists(store):
        with open(store, encoding="utf-8") as file:
            cache.update(json.load(file))
    if key not in cache:
        digest = hashlib.sha256()
        for p in paths:
            with open(p, "rb") as file:
                for block in iter(lambda: file.read(1 << 22), b""):
                    digest.update(block)
        cache[key] = digest.hexdigest()
        with open(store, "w", encoding="utf-8") as file:
            json.dump(cache, file)
    return cache[key]
