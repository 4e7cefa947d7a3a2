"""Checks random graphs: reads requests as lines of JSON, answers each with a line of JSON (see pool.py).

The test of a request is the seed of a graph, or the path of a file; its configuration is a list of runs.Configuration, or
empty for those that the seed chooses.
"""

import json
import os
import random
import re
import resource
import sys
from typing import Any, Dict, FrozenSet, List

import cases
import growth
import runs
import servers
from graph import Case
from runs import Configuration


#: Graphs so small run with every number of passes, one seed of several.
SMALL, SEVERAL = 4, 16


def configurations_of(seed: int) -> List[Configuration]:
    rng = random.Random(seed)
    chosen = [Configuration("auto", "declared"), Configuration("codegen", rng.choice(["static", "declared"])),
              Configuration("auto", "dynamic"), Configuration("codegen", "dynamic"), Configuration("codegen", "declared", 0)]
    if rng.random() < 0.3:
        chosen.append(Configuration("auto", "constant"))
    return chosen


def prefixes_of(seed: int, case: Case) -> List[Configuration]:
    """Compilations with the first passes only: some, or for some small graphs all."""
    rng = random.Random(seed + 1)
    base = Configuration(rng.choice(["auto", "codegen"]), rng.choice(["declared", "static", "dynamic"]))
    print(f"at {base}", file=sys.stderr, flush=True)
    try:
        count = runs.count_passes(case, base)
    except runs.tenon.Error:
        return []  # it is told where all passes run
    is_small = cases.count_nodes(case.model) <= SMALL and seed % SEVERAL == 0
    chosen = range(count) if is_small else sorted(rng.sample(range(count), min(2, count)))
    return [base._replace(passes=number) for number in chosen]


def unsupported(error: str) -> FrozenSet[str]:
    """The operators that Tenon has not, by the importer's message."""
    return frozenset(re.findall(r"^  (?:[\w.]+\.)?(\w+)-\d+", error, re.MULTILINE))


def check(test: str, asked: List[Any], runtime: runs.OnnxRuntime) -> Dict[str, Any]:
    """A random graph is made again without the operators that Tenon has not."""
    avoided: FrozenSet[str] = frozenset()
    while True:
        case = growth.make_case(int(test), avoided) if test.isdigit() else cases.load(test)
        try:
            expected = runtime.run(case.model, case.inputs)
        except servers.ServerError as error:
            return {"result": "invalid", "reason": str(error), "avoided": sorted(avoided)}
        chosen = [Configuration(*c) for c in asked] if asked else configurations_of(int(test) if test.isdigit() else 0)
        failures: List[runs.Failure] = []
        missing: FrozenSet[str] = frozenset()
        coincidences = 0
        if not asked and test.isdigit():
            chosen += prefixes_of(int(test), case)
        for configuration in chosen:
            failure = runs.check(case, expected, configuration)
            if failure and failure.kind == "refused" and "what is not supported" in failure.text:
                missing = unsupported(failure.text)
                if not missing or missing <= avoided or not test.isdigit():
                    return {"result": "declined", "reason": failure.text, "avoided": sorted(avoided)}
                break
            if failure and failure.kind == "coincidence":
                coincidences += 1
            elif failure:
                failures.append(failure)
        if not missing:
            return {"result": "failed" if failures else "passed", "failures": failures, "runs": len(chosen) - coincidences,
                    "coincidences": coincidences,
                    "nodes": cases.count_nodes(case.model), "avoided": sorted(avoided)}
        avoided |= missing


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    runtime = runs.OnnxRuntime()
    print(json.dumps([]), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(check(request["test"], request["configuration"], runtime)), file=replies, flush=True)


if __name__ == "__main__":
    main()
