"""Runs cases of a bundle: reads requests as lines of JSON, answers each with a line of JSON, as pool.py wants it.

With names of cases as arguments it runs these, and ends with code 1 if any fails: for compute-sanitizer to watch.
"""

import json
import os
import sys

import numpy as np

sys.dont_write_bytecode = True
bundle = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(bundle, "scripts"), os.path.join(bundle, "python")]
# Types that numpy lacks are integers with their bits then, as they were where the bundle was made.
sys.modules["ml_dtypes"] = None
import weights
from bundled import Case, case_names
from values import compare

import tenon


class Difference(Exception):
    """A result is not what it should be."""


def cosine(found, expected):
    lengths = np.linalg.norm(found) * np.linalg.norm(expected)
    if not lengths:
        return float(not found.any() and not expected.any())
    return float(np.dot(found, expected) / lengths)


def worse(a, b):
    """The larger one of two numbers; one that is not a number is the largest."""
    return max(a, b, key=lambda x: (x != x, x))


def compare_numbers(found, expected, check, name):
    """By the error beside the largest magnitude, or by the cosine. Gives both. Raises Difference."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        raise Difference(f"{name} is {found.dtype}{list(found.shape)}, expected {expected.dtype}{list(expected.shape)}")
    if expected.dtype.kind in "biuV":
        different = int(np.count_nonzero(found != expected))
        if different:
            raise Difference(f"{different} of {expected.size} elements of {name} differ")
        return 0.0, 1.0
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        raise Difference(f"what is not finite differs in {name}")
    found, expected = found[finite], expected[finite]
    if not expected.size:
        return 0.0, 1.0
    error = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))
    similarity = cosine(found, expected)
    tolerance = check["tolerances"].get(name, 0) if "tolerances" in check else check.get("tolerance")
    if check["kind"] == "largest" and not error <= tolerance:
        raise Difference(f"{name} differs by {error:.2g} of its largest magnitude, more than {tolerance:g}")
    if check["kind"] == "cosine" and not similarity >= check["least"]:
        raise Difference(f"the cosine similarity of {name} is {similarity:.5f}, less than {check['least']:g}")
    return error, similarity


def run_once(session, case, inputs):
    """The outputs by name; of a model with a state those of all steps."""
    if not case.steps:
        return session.run(inputs)
    steps, inputs, collected = case.steps, dict(inputs), {}
    slices = {name: inputs[name] for name in steps["stepped"]}
    for step in range(steps["count"]):
        inputs.update((name, values[step]) for name, values in slices.items())
        results = session.run(inputs)
        for name, value in results.items():
            collected.setdefault(name, []).append(value)
        inputs.update((target, results[source]) for source, target in steps["carry"].items())
    return {name: np.stack(values) for name, values in collected.items()}


def run_case(name):
    """Gives the largest error and the least cosine of a case's results, null where they are not measured so. Raises
    Difference, AssertionError, tenon.Error."""
    case = Case(bundle, name)
    figures = {"error": None, "cosine": None}
    model = tenon.load(weights.filled(bundle, case.model))
    session = model.session(threads=2)
    for inputs, expected in case.values():
        if "error" in case.check:
            try:
                session.run(inputs)
            except tenon.Error as error:
                if case.check["error"] in str(error):
                    continue
                raise
            raise Difference(f"no error, expected: {case.check['error']}")
        found = run_once(session, case, inputs)
        for output, value in expected.items():
            result = found[output]
            if case.check["kind"] == "close":
                compare(value, result, case.check["rtol"], case.check["atol"], output)
                continue
            error, similarity = compare_numbers(result, value, case.check, output)
            figures["error"] = worse(figures["error"] or 0.0, error)
            figures["cosine"] = -worse(-1.0 if figures["cosine"] is None else -figures["cosine"], -similarity)
    return figures


def answer(name):
    try:
        return {"result": "passed", "figures": run_case(name)}
    except (Difference, AssertionError) as error:
        return {"result": "failed", "reason": str(error)}
    except tenon.Error as error:
        return {"result": "failed", "reason": f"{type(error).__name__}: {error}"}
    except (OSError, ValueError, KeyError, EOFError) as error:
        return {"result": "failed", "reason": f"the case can't be read: {type(error).__name__}: {error}"}


def main():
    if len(sys.argv) > 1:
        bad = [(name, reply) for name, reply in ((n, answer(n)) for n in sys.argv[1:]) if reply["result"] != "passed"]
        for name, reply in bad:
            print(f"{name}: {reply['reason']}", file=sys.stderr)
        return 1 if bad else 0
    # What libraries print must not come between the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps(case_names(bundle)), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)["test"])), file=replies, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
