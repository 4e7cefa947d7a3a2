"""GPT-2 small (12 layers, 768 wide, vocabulary 50257) with past keys and values as inputs and outputs."""

import numpy as np

from onnx_graph import FLOAT, INT64
from transformer import Transformer

VOCABULARY, POSITIONS, WIDTH, HEADS, HEAD, INNER, LAYERS = 50257, 1024, 768, 12, 64, 3072, 12
LOWEST = np.finfo(np.float32).min


def conv1d(g, x, features_in, features_out, gain=1.0):
    """The layer that GPT-2 calls Conv1D: a Gemm between two Reshapes, its weight stored input first."""
    batch, length = g.dimension(x, 0), g.dimension(x, 1)
    flat = g.node("Reshape", x, g.constant([-1, features_in], np.int64))
    y = g.node("Gemm", flat, g.matmul_weight(features_in, features_out, gain), g.vector("bias", features_out, 0.05),
               alpha=1.0, beta=1.0)
    return g.reshape(y, batch, length, features_out)


def norm(g, x, name):
    with g.scope(name):
        return g.layer_norm(x, WIDTH, 1e-5)


def unsqueezed(g, scalar):
    return g.node("Unsqueeze", scalar, g.constant([0], np.int64))


def causal(g, scores, query, key):
    """Scores where the key is not after the query, the lowest float elsewhere: a slice of a triangle of booleans."""
    triangle = g.weight("attn.bias", np.tril(np.ones((POSITIONS, POSITIONS), dtype=bool))[None, None])
    total, length = g.dimension(key, 2), g.dimension(query, 2)
    end = unsqueezed(g, total)
    rows = g.node("Slice", triangle, unsqueezed(g, g.node("Sub", total, length)), end, g.constant([2], np.int64),
                  g.constant([1], np.int64))
    visible = g.node("Slice", rows, g.constant([0], np.int64), end, g.constant([3], np.int64),
                     g.constant([1], np.int64))
    return g.node("Where", visible, scores, g.constant(LOWEST))


def attention(g, x, past, mask):
    with g.scope("attn"):
        with g.scope("c_attn"):
            projected = conv1d(g, x, WIDTH, 3 * WIDTH, 1.2)
        parts = g.node("Split", projected, g.constant([WIDTH] * 3, np.int64), outputs=3, axis=2)
        query, key, value = (
            g.node("Transpose", g.reshape(part, g.dimension(part, 0), g.dimension(part, 1), HEADS, HEAD),
                   perm=[0, 2, 1, 3]) for part in parts)
        key = g.node("Concat", past[0], key, axis=-2)
        value = g.node("Concat", past[1], value, axis=-2)
        scores = g.node("MatMul", query, g.node("Transpose", key, perm=[0, 1, 3, 2]))
        # The divisor is the square root of a size, which the exporter computes in the graph.
        size = g.node("Cast", g.dimension(value, -1), to=FLOAT)
        scores = g.node("Div", scores, g.node("Pow", size, g.constant(0.5)))
        scores = g.node("Add", causal(g, scores, query, key), mask)
        y = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
        y = g.node("Transpose", y, perm=[0, 2, 1, 3])
        y = g.reshape(y, g.dimension(y, 0), g.dimension(y, 1), WIDTH)
        with g.scope("c_proj"):
            return conv1d(g, y, WIDTH, WIDTH), key, value


def feed_forward(g, x):
    with g.scope("mlp"):
        with g.scope("c_fc"):
            y = conv1d(g, x, WIDTH, INNER)
        with g.scope("act"):
            y = g.gelu_tanh(y)
        with g.scope("c_proj"):
            return conv1d(g, y, INNER, WIDTH)


def additive_mask(g, attention_mask, batch):
    flat = g.reshape(attention_mask, batch, -1)
    mask = g.node("Unsqueeze", g.node("Unsqueeze", flat, g.constant([1], np.int64)), g.constant([2], np.int64))
    mask = g.node("Cast", mask, to=FLOAT)
    return g.node("Mul", g.node("Sub", g.constant(1.0), mask), g.constant(LOWEST))


def embeddings(g, input_ids, past_length, table):
    length = g.dimension(input_ids, 1)
    positions = g.node("Range", past_length, g.node("Add", length, past_length), g.constant(1, np.int64))
    positions = g.node("Unsqueeze", positions, g.constant([0], np.int64))
    positions = g.reshape(positions, -1, length)
    places = g.node("Gather", g.random_weight("wpe.weight", (POSITIONS, WIDTH), 0.1), positions)
    return g.node("Add", g.node("Gather", table, input_ids), places)


def build(path):
    g = Transformer("gpt2", opset=13)
    input_ids = g.input("input_ids", ["batch_size", "sequence_length"], INT64)
    past_dims = ["batch_size", HEADS, "past_sequence_length", HEAD]
    total_dims = ["batch_size", HEADS, "past_sequence_length + sequence_length", HEAD]
    past = [tuple(g.input(f"past_key_values.{layer}.{part}", past_dims) for part in ("key", "value"))
            for layer in range(LAYERS)]
    attention_mask = g.input("attention_mask", ["batch_size", "past_sequence_length + sequence_length"], INT64)
    present = []
    with g.scope("transformer"):
        table = g.random_weight("wte.weight", (VOCABULARY, WIDTH), 0.14)
        batch = g.dimension(input_ids, 0)
        x = embeddings(g, input_ids, g.dimension(past[0][0], -2), table)
        mask = additive_mask(g, attention_mask, batch)
        for layer in range(LAYERS):
            with g.scope("h", f"h.{layer}"):
                y, key, value = attention(g, norm(g, x, "ln_1"), past[layer], mask)
                present.append((key, value))
                x = g.node("Add", y, x)
                x = g.node("Add", x, feed_forward(g, norm(g, x, "ln_2")))
        x = norm(g, x, "ln_f")
    with g.scope("lm_head"):
        # The head shares its weight with the embeddings, as exporters write tied weights.
        logits = g.node("MatMul", x, g.node("Transpose", table, perm=[1, 0]))
    g.output(logits, "logits", ["batch_size", "sequence_length", VOCABULARY])
    for layer, (key, value) in enumerate(present):
        g.output(key, f"present.{layer}.key", total_dims)
        g.output(value, f"present.{layer}.value", total_dims)
    g.save(path)
