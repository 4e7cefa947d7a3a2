"""BERT-base (12 layers, 768 wide, 12 heads): embeddings, encoder with an attention mask, pooler."""

import numpy as np

from onnx_graph import FLOAT, INT64
from transformer import Transformer

VOCABULARY, POSITIONS, TYPES, WIDTH, HEADS, HEAD, INNER, LAYERS = 30522, 512, 2, 768, 12, 64, 3072, 12
EPSILON = 1e-12


def embeddings(g, input_ids, token_type_ids):
    with g.scope("embeddings"):
        sequence = g.dimension(input_ids, 1)
        all_positions = g.weight("embeddings.position_ids", np.arange(POSITIONS, dtype=np.int64).reshape(1, -1))
        end = g.node("Unsqueeze", sequence, g.constant([0], np.int64))
        positions = g.node("Slice", all_positions, g.constant([0], np.int64), end, g.constant([1], np.int64),
                           g.constant([1], np.int64))
        words = g.node("Gather", g.random_weight("word_embeddings.weight", (VOCABULARY, WIDTH), 0.05), input_ids)
        types = g.node("Gather", g.random_weight("token_type_embeddings.weight", (TYPES, WIDTH), 0.02),
                       token_type_ids)
        places = g.node("Gather", g.random_weight("position_embeddings.weight", (POSITIONS, WIDTH), 0.03), positions)
        x = g.node("Add", g.node("Add", words, types), places)
        with g.scope("LayerNorm"):
            return g.layer_norm(x, WIDTH, EPSILON)


def additive_mask(g, attention_mask):
    """0 where the mask is one and the lowest float where it is zero, of shape [batch, 1, 1, sequence]."""
    mask = g.node("Unsqueeze", attention_mask, g.constant([1], np.int64))
    mask = g.node("Cast", g.node("Unsqueeze", mask, g.constant([2], np.int64)), to=FLOAT)
    return g.node("Mul", g.node("Sub", g.constant(1.0), mask), g.constant(np.finfo(np.float32).min))


def heads(g, x, permutation):
    x = g.reshape(x, g.dimension(x, 0), g.dimension(x, 1), HEADS, HEAD)
    return g.node("Transpose", x, perm=permutation)


def attention(g, x, mask):
    with g.scope("attention", "self"):
        with g.scope("query"):
            query = g.linear(x, WIDTH, WIDTH, 1.3)
        with g.scope("key"):
            key = g.linear(x, WIDTH, WIDTH, 1.3)
        with g.scope("value"):
            value = g.linear(x, WIDTH, WIDTH)
        key = heads(g, key, [0, 2, 3, 1])
        value = heads(g, value, [0, 2, 1, 3])
        query = heads(g, query, [0, 2, 1, 3])
        scores = g.node("Div", g.node("MatMul", query, key), g.constant(8.0))
        shares = g.node("Softmax", g.node("Add", scores, mask), axis=-1)
        context = g.node("Transpose", g.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        context = g.reshape(context, g.dimension(context, 0), g.dimension(context, 1), WIDTH)
    with g.scope("attention", "output"):
        with g.scope("dense"):
            y = g.linear(context, WIDTH, WIDTH)
        y = g.node("Add", y, x)
        with g.scope("LayerNorm"):
            return g.layer_norm(y, WIDTH, EPSILON)


def feed_forward(g, x):
    with g.scope("intermediate"):
        with g.scope("dense"):
            y = g.linear(x, WIDTH, INNER)
        with g.scope("intermediate_act_fn"):
            y = g.gelu(y)
    with g.scope("output"):
        with g.scope("dense"):
            y = g.linear(y, INNER, WIDTH)
        y = g.node("Add", y, x)
        with g.scope("LayerNorm"):
            return g.layer_norm(y, WIDTH, EPSILON)


def build(path):
    g = Transformer("bert_base", opset=14)
    dims = ["batch_size", "sequence_length"]
    input_ids, attention_mask, token_type_ids = (
        g.input(name, dims, INT64) for name in ("input_ids", "attention_mask", "token_type_ids"))
    mask = additive_mask(g, attention_mask)
    x = embeddings(g, input_ids, token_type_ids)
    for layer in range(LAYERS):
        with g.scope("encoder", f"layer.{layer}"):
            x = feed_forward(g, attention(g, x, mask))
    with g.scope("pooler"):
        first = g.node("Gather", x, g.constant(0, np.int64), axis=1)
        with g.scope("dense"):
            pooled = g.gemm(first, WIDTH, WIDTH)
        pooled = g.node("Tanh", pooled)
    g.output(x, "last_hidden_state", dims + [WIDTH])
    g.output(pooled, "pooler_output", ["batch_size", WIDTH])
    g.save(path)
