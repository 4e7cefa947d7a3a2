"""Tests sequences and optionals: lists of arrays and None go in and come out, and operators agree with Python's lists."""

import os
import tempfile
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import tenon

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def tensor(shape=None, dtype=FLOAT):
    return helper.make_tensor_type_proto(dtype, shape)


def seq(shape=None, dtype=FLOAT):
    return helper.make_sequence_type_proto(tensor(shape, dtype))


def optional(inner):
    return helper.make_optional_type_proto(inner)


def graph_of(nodes, inputs, outputs, constants=()):
    values = [[onnx.ValueInfoProto(name=name, type=type_) for name, type_ in side] for side in (inputs, outputs)]
    return helper.make_graph([helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
                             "graph", *values, [numpy_helper.from_array(np.asarray(a), name) for name, a in constants])


def compile_model(nodes, inputs, outputs, constants=(), **options):
    graph = graph_of(nodes, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_operatorsetid("", 17)], ir_version=8)
    return tenon.compile(model, **options)


def arrays(*shapes, dtype=np.float32):
    generator = np.random.default_rng(len(shapes))
    return [generator.integers(-9, 9, shape).astype(dtype) for shape in shapes]


class SequenceTest(unittest.TestCase):
    def check(self, found, expected):
        if expected is None or isinstance(expected, list):
            self.assertIs(type(found), type(expected))
            self.assertEqual(len(found or []), len(expected or []))
            for f, e in zip(found or [], expected or []):
                self.check(f, e)
            return
        self.assertEqual((found.dtype, found.shape), (expected.dtype, expected.shape))
        np.testing.assert_array_equal(found, expected)

    def test_types(self):
        model = compile_model([("Identity", ["s"], ["t"]), ("Identity", ["o"], ["p"]), ("Identity", ["q"], ["r"])],
                              [("s", seq([None, 3])), ("o", optional(tensor([2]))), ("q", optional(seq()))],
                              [("t", seq()), ("p", optional(tensor())), ("r", optional(seq()))])
        self.assertEqual([(i.name, i.type, i.shape) for i in model.inputs],
                         [("s", "seq(tensor(float))", (None, 3)), ("o", "optional(tensor(float))", (2,)),
                          ("q", "optional(seq(tensor(float)))", None)])
        self.assertIn("s: seq(float32[?, 3]), o: optional(float32[2]), q: optional(seq(float32[...]))", repr(model))
        s, q, o = arrays((2, 3), (0, 3), (5, 3)), arrays((), (2, 2), (0,)), arrays(2)[0]
        with tempfile.TemporaryDirectory() as folder:
            model.save(os.path.join(folder, "model.so"))
            for one in model, tenon.load(os.path.join(folder, "model.so")):
                self.check(list(one(s=s, o=o, q=q).values()), [s, o, q])
                self.check(list(one(s=[], o=None, q=None).values()), [[], None, None])
                self.check(list(one(s=tuple(s[:1]), o=None, q=[]).values()), [s[:1], None, []])
        for name, wrong, message in [("s", None, "expected a sequence of arrays, found None"),
                                     ("s", np.zeros((2, 3), np.float32), "expected a sequence of arrays"),
                                     ("s", [np.zeros((2, 4), np.float32)], "element 0 is 2x4, expected"),
                                     ("s", [np.zeros((2, 3))], "element 0 has element type f64, expected f32"),
                                     ("o", np.zeros(3, np.float32), "element 0 is 3, expected 2")]:
            with self.assertRaisesRegex(tenon.InvalidError, message):
                model(**{"s": s, "o": o, "q": q, name: wrong})
        with self.assertRaisesRegex(tenon.UsageError, "can't be written to an array"):
            model.session().run({"s": s, "o": o, "q": q}, {"t": np.zeros(6, np.float32)})

    def test_element_types(self):
        for dtype in (np.bool_, np.int8, np.uint16, np.float16, np.float64, np.int64):
            code = helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)]
            model = compile_model([("SequenceInsert", ["s", "x"], ["t"])],
                                  [("s", seq(None, code)), ("x", tensor(["N"], code))], [("t", seq(None, code))])
            s, x = arrays((3,), (2, 5), dtype=dtype), arrays(7, dtype=dtype)[0]
            self.check(model(s=s, x=x)["t"], s + [x])

    def test_operators(self):
        """At, insert and erase at every position, also at those that are not there."""
        for shape in (["a", "b"], [], [4]):
            model = compile_model(
                [("SequenceAt", ["s", "i"], ["at"], {"name": "at"}),
                 ("SequenceInsert", ["s", "x", "j"], ["inserted"], {"name": "insert"}),
                 ("SequenceErase", ["s", "i"], ["erased"], {"name": "erase"}), ("SequenceLength", ["s"], ["n"])],
                [("s", seq(shape)), ("x", tensor(shape)), ("i", tensor([], INT64)), ("j", tensor([], INT64))],
                [("at", tensor()), ("inserted", seq()), ("erased", seq()), ("n", tensor([], INT64))])
            *s, x = arrays(*[(2, 3), (4, 1), (0, 5), (1, 1)] if len(shape) == 2 else [tuple(shape)] * 4)
            for i in range(-3, 3):
                for j in range(-3, 4):
                    found = model(s=s, x=x, i=np.int64(i), j=np.int64(j))
                    expected = list(s)
                    expected.insert(j if j >= 0 else j + 3, x)
                    self.check(found["inserted"], expected)
                    self.check(found["at"], s[i])
                    self.check(found["erased"], [e for k, e in enumerate(s) if k != i % 3])
                    self.assertEqual(found["n"], 3)
            for i, j in (3, 0), (-4, 0), (0, 4), (0, -4):
                with self.assertRaisesRegex(tenon.InvalidError, "node '(at|erase|insert)'.*out of range"):
                    model(s=s, x=x, i=np.int64(i), j=np.int64(j))
            with self.assertRaisesRegex(tenon.InvalidError, "out of range"):
                model(s=[], x=x, i=np.int64(0), j=np.int64(0))

    def test_declared_rank(self):
        """An element whose rank is declared where it is taken out; one of another rank is an error."""
        model = compile_model([("SequenceAt", ["s", "i"], ["y"], {"name": "at"})],
                              [("s", seq()), ("i", tensor([], INT64))], [("y", tensor(["a", "b"]))])
        s = arrays((2, 3), (0, 5), (4, 1), (3,), (2, 1, 3), ())
        for i in range(3):
            self.check(model(s=s, i=np.int64(i))["y"], s[i])
            self.check(model(s=s[:3], i=np.int64(i))["y"], s[i])
        for i in range(3, 6):
            with self.assertRaisesRegex(tenon.InvalidError, "node 'at'"):
                model(s=s, i=np.int64(i))
        with self.assertRaisesRegex(tenon.InvalidError, "node 'at'"):
            model(s=s[3:4], i=np.int64(0))

    def test_construct(self):
        model = compile_model([("SequenceConstruct", ["x", "y", "x"], ["s"])],
                              [("x", tensor(["a"])), ("y", tensor(["b"]))], [("s", seq())])
        x, y = arrays((3,), (5,))
        self.check(model(x=x, y=y)["s"], [x, y, x])

    def test_optional(self):
        """One that holds a tensor, and one that holds nothing."""
        (x,) = arrays((3,))
        model = compile_model([("Optional", ["x"], ["o"])], [("x", tensor(["a"]))], [("o", optional(tensor()))])
        self.check(model(x=x)["o"], x)
        model = compile_model([("Optional", [], ["o"], {"type": tensor([2])})], [], [("o", optional(tensor([2])))])
        self.check(model()["o"], None)

    def test_join(self):
        """Lengths that only the run knows; elements that don't fit."""
        for axis, new in (0, 0), (1, 0), (-1, 0), (0, 1), (1, 1), (-1, 1):
            model = compile_model([("ConcatFromSequence", ["s"], ["y"], {"axis": axis, "new_axis": new, "name": "c"})],
                                  [("s", seq(["a", "b"]))], [("y", tensor())])
            for s in arrays((2, 3)), arrays((2, 3), (2, 3), (2, 3), (2, 3)):
                self.check(model(s=s)["y"], np.stack(s, axis) if new else np.concatenate(s, axis))
            if not new:
                s = arrays((2, 3), (2, 5)) if axis else arrays((2, 3), (4, 3))
                self.check(model(s=s)["y"], np.concatenate(s, axis))
            with self.assertRaisesRegex(tenon.InvalidError, "'c'"):
                model(s=arrays((2, 3), (3, 2)))

    def test_split(self):
        x = arrays((5, 7, 2))[0]
        for axis in range(3):
            size = x.shape[axis]
            for split in None, 1, 2, 3, 9:
                for keep in (0, 1):
                    if split and not keep:
                        continue
                    for is_input in (False, True):
                        if is_input and split is None:
                            continue
                        inputs = [("x", tensor(["a", "b", "c"]))] + [("n", tensor([], INT64))] * is_input
                        model = compile_model(
                            [("SplitToSequence", ["x"] + ["n"] * bool(split), ["s"], {"axis": axis, "keepdims": keep})],
                            inputs, [("s", seq())], [("n", np.int64(split))] if split and not is_input else [])
                        expected = np.split(x, range(split or 1, size, split or 1), axis)
                        expected = [e if keep else e.squeeze(axis) for e in expected]
                        self.check(model(**({"x": x, "n": np.int64(split)} if is_input else {"x": x}))["s"], expected)
        model = compile_model([("SplitToSequence", ["x", "n"], ["s"], {"axis": 1, "name": "split"})],
                              [("x", tensor(["a", "b"])), ("n", tensor(["k"], INT64))], [("s", seq())])
        for sizes in [7], [1, 6], [3, 0, 4]:
            self.check(model(x=x[..., 0], n=np.array(sizes))["s"], np.split(x[..., 0], np.cumsum(sizes)[:-1], 1))
        for sizes in [6], [3, 5], [8, -1]:
            with self.assertRaisesRegex(tenon.InvalidError, "'split'"):
                model(x=x[..., 0], n=np.array(sizes))

    def test_growing(self):
        """A loop appends more, and larger ones, each time; a second run begins anew."""
        body = graph_of([("Identity", ["c"], ["d"]), ("Concat", ["v", "x"], ["w"], {"axis": 0}),
                         ("SequenceInsert", ["t", "w"], ["u"])],
                        [("i", tensor([], INT64)), ("c", tensor([], TensorProto.BOOL)), ("v", tensor(["k"])),
                         ("t", seq(["k"]))],
                        [("d", tensor([], TensorProto.BOOL)), ("w", tensor(["k"])), ("u", seq(["k"]))])
        model = compile_model([("SequenceEmpty", [], ["e"]), ("Loop", ["n", "", "x", "e"], ["last", "s"], {"body": body}),
                               ("ConcatFromSequence", ["s"], ["all"], {"axis": 0})],
                              [("n", tensor([], INT64)), ("x", tensor([2]))],
                              [("s", seq()), ("all", tensor())])
        x = np.array([1, 2], np.float32)
        session = model.session()
        for n in 5, 1, 40, 5:
            found = session.run({"n": np.int64(n), "x": x})
            expected = [np.tile(x, k + 2) for k in range(n)]
            self.check(found["s"], expected)
            self.check(found["all"], np.concatenate(expected))
        size = session.workspace_size
        for _ in range(3):
            session.run({"n": np.int64(40), "x": x})
        self.assertEqual(session.workspace_size, size)

    def test_missing_contents(self):
        """What an optional that holds nothing is asked for is an error that names the node."""
        for inner in tensor(["N"]), seq(["N"]):
            model = compile_model([("OptionalGetElement", ["o"], ["y"], {"name": "get"}),
                                   ("OptionalHasElement", ["o"], ["has"])],
                                  [("o", optional(inner))], [("y", inner), ("has", tensor([], TensorProto.BOOL))])
            x = arrays(3)
            value = x if inner.HasField("sequence_type") else x[0]
            found = model(o=value)
            self.check(found["y"], value)
            self.assertTrue(found["has"])
            with self.assertRaisesRegex(tenon.InvalidError, "node 'get'"):
                model(o=None)

    def test_inference_session(self):
        session = tenon.InferenceSession(compile_model(
            [("SequenceAt", ["s", "i"], ["y"])], [("s", seq(["N"]))], [("y", tensor())], [("i", np.int64(-1))]))
        self.assertEqual(session.get_inputs()[0].type, "seq(tensor(float))")
        (y,) = session.run(None, {"s": [[1, 2], [3]]})
        self.check(y, np.array([3], np.float32))


if __name__ == "__main__":
    unittest.main()
