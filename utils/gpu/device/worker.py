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
from differences import Difference, Mismatch, difference
from values import compare

import tenon


class Wrong(Exception):
    """A result is not what it should be."""


def check_output(found, expected, check, name):
    """Gives the differences.Difference of an output. Raises Wrong if it is more than the check allows."""
    try:
        far = difference(found, expected)
    except Mismatch as mismatch:
        raise Wrong(f"{name} {mismatch}") from None
    tolerance = check["tolerances"].get(name, 0) if "tolerances" in check else check.get("tolerance")
    if check["kind"] == "largest" and not far.relative <= tolerance:
        raise Wrong(f"{name} differs by {far.relative:.2g} of its largest magnitude, more than {tolerance:g}")
    if check["kind"] == "cosine" and not far.cosine >= check["least"]:
        raise Wrong(f"the cosine similarity of {name} is {far.cosine:.5f}, less than {check['least']:g}")
    return far


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
    """Gives the largest error and the least cosine of a case's results, if they are measured so. Raises Wrong,
    AssertionError, tenon.Error."""
    case = Case(bundle, name)
    model = tenon.load(weights.filled(bundle, case.model))
    session = model.session(threads=2)
    worst = Difference()
    for inputs, expected in case.values():
        if "error" in case.check:
            try:
                session.run(inputs)
            except tenon.Error as error:
                if case.check["error"] in str(error):
                    continue
                raise
            raise Wrong(f"no error, expected: {case.check['error']}")
        found = run_once(session, case, inputs)
        for output, value in expected.items():
            if case.check["kind"] == "close":
                compare(value, found[output], case.check["rtol"], case.check["atol"], output)
            else:
                worst = worst.worst(check_output(found[output], value, case.check, output))
    is_measured = case.check.get("kind") in ("largest", "cosine")
    return {"error": worst.relative, "cosine": worst.cosine} if is_measured else None


def answer(name):
    try:
        return {"result": "passed", "figures": run_case(name)}
    except (Wrong, AssertionError) as error:
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
