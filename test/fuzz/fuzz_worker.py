"""Checks random graphs: reads requests as lines of JSON, answers each with a line of JSON (see pool.py).

The test of a request is the seed of a graph, or the path of a file; its configuration is a list of runs.Configuration, or
empty for those that the file names, or else the seed chooses. Of how many the seed chooses at most is the script's argument;
without it, all of them run.
"""

import json
import os
import random
import re
import resource
import sys
from typing import Any, Dict, FrozenSet, List, Optional

import cases
import growth
import runs
import servers
from graph import Case
from runs import Configuration, parse_configuration

#: Graphs so small run with every number of passes, one seed of several.
SMALL, SEVERAL = 4, 16


def configurations_of(seed: int) -> List[Configuration]:
    rng = random.Random(seed)
    chosen = [Configuration("auto", "declared"), Configuration("codegen", rng.choice(["static", "declared"])),
              Configuration("auto", "dynamic"), Configuration("codegen", "dynamic"), Configuration("codegen", "declared", 0)]
    target = rng.choice(["x86-64", "x86-64-v3"])
    chosen.append(Configuration(rng.choice(["auto", "codegen"]), rng.choice(["static", "dynamic"]), None, target))
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


def choose(seed: int, case: Case, asked: List[Configuration], most: Optional[int]) -> List[Configuration]:
    """The configurations in which a graph runs; all, or some that the seed chooses."""
    if asked:
        return random.Random(seed).sample(asked, min(most or len(asked), len(asked)))
    chosen = configurations_of(seed)
    if most is None:
        return chosen + prefixes_of(seed, case)
    slots = random.Random(seed + 2).sample([*chosen, None], min(most, len(chosen) + 1))
    prefixes = prefixes_of(seed, case)[-1:] if None in slots else []
    return [configuration for configuration in slots if configuration] + prefixes


def unsupported(error: str) -> FrozenSet[str]:
    """The operators that Tenon has not, by the importer's message."""
    return frozenset(re.findall(r"^  (?:[\w.]+\.)?(\w+)-\d+", error, re.MULTILINE))


def check(test: str, asked: List[Any], most: Optional[int], runtime: runs.OnnxRuntime) -> Dict[str, Any]:
    """A random graph is made again without the operators that Tenon has not. One that failed once has no excuse."""
    print(f"graph {test}", file=sys.stderr, flush=True)
    is_random = test.isdigit()
    avoided: FrozenSet[str] = frozenset()
    while True:
        case = growth.make_case(int(test), avoided) if is_random else cases.load(test)
        try:
            expected = runtime.run(case.model, case.inputs)
        except servers.ServerError as error:
            return {"result": "invalid", "reason": str(error), "avoided": sorted(avoided)}
        kept = [] if asked else [parse_configuration(text) for text in case.configurations]
        chosen = kept or choose(int(test) if is_random else 0, case, [Configuration(*c) for c in asked], most)
        failures: List[runs.Failure] = []
        missing: FrozenSet[str] = frozenset()
        declined, passed, coincidences = "", 0, 0
        for configuration in chosen:
            failure = runs.check(case, expected, configuration, runtime)
            if not failure:
                passed += 1
            elif failure.kind == "refused" and "what is not supported" in failure.text:
                declined, missing = failure.text, unsupported(failure.text)
                break
            elif failure.kind == "coincidence" and not kept:
                coincidences += 1
            else:
                failures.append(failure._replace(kind="refused") if failure.kind == "coincidence" else failure)
        if coincidences:
            # Where all sizes are known there is none to be mistaken for another.
            failure = runs.check(case, expected, Configuration(chosen[0].provider, "static"), runtime)
            passed += not failure
            failures += [failure] if failure else []
        reply = {"failures": failures, "runs": passed + len(failures), "coincidences": coincidences,
                 "nodes": cases.count_nodes(case.model), "avoided": sorted(avoided)}
        if failures or not declined:
            return {**reply, "result": "failed" if failures else "passed"}
        if not missing or missing <= avoided or not is_random:
            return {**reply, "result": "declined", "reason": declined}
        avoided |= missing


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # Its shadow alone is larger.
        resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    most = int(sys.argv[1]) if len(sys.argv) > 1 else None
    runtime = runs.OnnxRuntime()
    print(json.dumps([]), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(check(request["test"], request["configuration"], most, runtime)), file=replies, flush=True)


if __name__ == "__main__":
    main()
