"""ViT-B/16 at 224×224, with LayerNormalization nodes, and its weights in a file beside it."""

import numpy as np
from onnx import numpy_helper

from transformer import Transformer

WIDTH, HEADS, HEAD, INNER, LAYERS, PATCHES, CLASSES = 768, 12, 64, 3072, 12, 196, 1000


def norm(g, x, name):
    with g.scope(name):
        return g.node("LayerNormalization", x, g.vector("weight", WIDTH, 0.2, 1.0), g.vector("bias", WIDTH, 0.1),
                      axis=-1, epsilon=1e-6)


def patches(g, x):
    with g.scope("patch_embed"):
        with g.scope("proj"):
            weight = g.random_weight("weight", (WIDTH, 3, 16, 16), 1.0 / np.sqrt(3 * 16 * 16))
            x = g.node("Conv", x, weight, g.vector("bias", WIDTH, 0.1), dilations=[1, 1], group=1,
                       kernel_shape=[16, 16], pads=[0] * 4, strides=[16, 16])
        # Flatten from the third axis: keep the first two sizes, infer the last.
        kept = g.node("Slice", g.node("Shape", x), g.constant([0], np.int64), g.constant([2], np.int64),
                      g.constant([0], np.int64))
        x = g.node("Reshape", x, g.node("Concat", kept, g.constant([-1], np.int64), axis=0))
        return g.node("Transpose", x, perm=[0, 2, 1])


def class_token(g, batch):
    """The class token expanded over the batch, by the exporter's way to write expand(batch, -1, -1)."""
    token = g.random_weight("cls_token", (1, 1, WIDTH), 0.5)
    sizes = g.node("Reshape", g.shape(batch, -1, -1), g.constant([-1], np.int64))
    one = numpy_helper.from_array(np.array([1], dtype=np.int64))
    ones = g.node("ConstantOfShape", g.node("Shape", sizes), value=one)
    keep = g.node("Equal", sizes, g.node("Mul", ones, g.constant(-1, np.int64)))
    return g.node("Expand", token, g.node("Where", keep, ones, sizes))


def attention(g, x):
    with g.scope("attn"):
        batch, length = g.dimension(x, 0), g.dimension(x, 1)
        with g.scope("qkv"):
            y = g.linear(x, WIDTH, 3 * WIDTH, 1.2)
        y = g.node("Transpose", g.reshape(y, batch, length, 3, HEADS, HEAD), perm=[2, 0, 3, 1, 4])
        parts = g.node("Split", y, g.constant([1, 1, 1], np.int64), outputs=3, axis=0)
        query, key, value = (g.node("Squeeze", part, g.constant([0], np.int64)) for part in parts)
        query = g.node("Mul", query, g.constant(0.125))
        scores = g.node("MatMul", query, g.node("Transpose", key, perm=[0, 1, 3, 2]))
        y = g.node("Transpose", g.node("MatMul", g.node("Softmax", scores, axis=-1), value), perm=[0, 2, 1, 3])
        y = g.reshape(y, batch, length, WIDTH)
        with g.scope("proj"):
            return g.linear(y, WIDTH, WIDTH)


def feed_forward(g, x):
    with g.scope("mlp"):
        with g.scope("fc1"):
            y = g.linear(x, WIDTH, INNER)
        with g.scope("act"):
            y = g.gelu(y)
        with g.scope("fc2"):
            return g.linear(y, INNER, WIDTH)


def build(path):
    g = Transformer("vit_b16", opset=17)
    pixels = g.input("pixel_values", ["batch", 3, 224, 224])
    x = patches(g, pixels)
    x = g.node("Concat", class_token(g, g.dimension(x, 0)), x, axis=1)
    x = g.node("Add", x, g.random_weight("pos_embed", (1, PATCHES + 1, WIDTH), 0.3))
    for layer in range(LAYERS):
        with g.scope("blocks", f"blocks.{layer}"):
            x = g.node("Add", x, attention(g, norm(g, x, "norm1")))
            x = g.node("Add", x, feed_forward(g, norm(g, x, "norm2")))
    x = g.node("Gather", norm(g, x, "norm"), g.constant(0, np.int64), axis=1)
    with g.scope("head"):
        logits = g.gemm(x, WIDTH, CLASSES, 2.0)
    g.output(logits, "logits", ["batch", CLASSES])
    g.save(path, external_data=True)
