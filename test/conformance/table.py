"""The expected failures, and what is printed of the outcomes."""

import collections
import itertools
import re
import sys
from typing import Dict, List, Sequence, TextIO

from pool import Outcome

CONFIGURATIONS = {"provider": ("auto", "onednn", "codegen", "cuda"), "mode": ("process", "ahead"),
                  "shape": ("static", "dynamic", "constant")}
HEAD = """\
# Tests of ONNX that are expected to fail. A line "= reason" holds for the tests below it, one a line. What stands behind
# a test's name limits that to some configurations: "dynamic codegen-static" to those that are dynamic, and those that are
# codegen and static.
# `utils/conformance --update` adds what fails, removes what passes, and says why; a reason behind "=!" is a judgement, not
# what a tool said, and stays. That the output differs is no reason: why it does has to be found and judged.
"""


def matches(pattern: str, configuration: Sequence[str]) -> bool:
    """Whether a configuration has all words of a pattern such as "codegen-dynamic"; "" has none."""
    return not pattern or set(pattern.split("-")) <= set(configuration)


def find_patterns(bad: Sequence[Sequence[str]], good: Sequence[Sequence[str]]) -> List[str]:
    """Patterns, as short as can be, that match all of `bad` and none of `good`."""
    patterns: List[str] = []
    for count in range(4):
        for configuration in bad:
            for words in itertools.combinations(configuration, count):
                pattern = "-".join(words)
                if not any(matches(p, configuration) for p in patterns) and not any(matches(pattern, g) for g in good):
                    patterns.append(pattern)
    return patterns


class Table:
    """The expected failures: for each test reasons by patterns of configurations."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.tests: Dict[str, Dict[str, str]] = {}
        known = {word for values in CONFIGURATIONS.values() for word in values}
        reason = None
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if line.startswith("="):
                    reason = line[1:].strip()
                elif line and not line.startswith("#"):
                    name, *words = line.split()
                    if not reason:
                        sys.exit(f"{path}:{number}: '{name}' has no reason")
                    entry = self.tests.setdefault(name, {})
                    if "" in entry or (entry and not words) or not entry.keys().isdisjoint(words):
                        sys.exit(f"{path}:{number}: '{name}' stands here twice")
                    if not known.issuperset("-".join(words).split("-") if words else ()):
                        sys.exit(f"{path}:{number}: no such configuration: {' '.join(words)}")
                    entry.update(dict.fromkeys(words or [""], reason))

    def expects(self, outcome: Outcome) -> bool:
        """Whether the table says that this test fails in this configuration."""
        return any(matches(pattern, outcome.configuration) for pattern in self.tests.get(outcome.test, {}))

    def unexplained(self) -> List[str]:
        """Tests of which is only said that their output is another one."""
        return sorted(test for test, patterns in self.tests.items()
                      if any(reason.startswith("the output") for reason in patterns.values()))

    def update(self, outcomes: Sequence[Outcome]) -> None:
        """Makes the table say what happened; tests that were not run stay."""
        of_test: Dict[str, List[Outcome]] = collections.defaultdict(list)
        for outcome in outcomes:
            if outcome.result != "declined":
                of_test[outcome.test].append(outcome)
        for test, all_of_it in of_test.items():
            old = self.tests.pop(test, {})
            failing = [o for o in all_of_it if o.result != "passed"]
            if not failing:
                continue
            patterns = find_patterns([o.configuration for o in failing],
                                     [o.configuration for o in all_of_it if o.result == "passed"])
            self.tests[test] = {}
            for pattern in patterns:
                first = next(o for o in failing if matches(pattern, o.configuration))
                kept = [r for r in (old.get(pattern), old.get("")) if r and r.startswith("!")]
                self.tests[test][pattern] = kept[0] if kept else group_of(first.reason)
        self.write()

    def write(self) -> None:
        """Writes the file anew, by reason and name."""
        groups: Dict[str, Dict[str, List[str]]] = collections.defaultdict(lambda: collections.defaultdict(list))
        for test, patterns in self.tests.items():
            for pattern, reason in patterns.items():
                groups[reason][test].append(pattern)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(HEAD)
            for reason, tests in sorted(groups.items()):
                file.write(f"\n={reason}\n" if reason.startswith("!") else f"\n= {reason}\n")
                for test, patterns in sorted(tests.items()):
                    file.write(" ".join([test] + sorted(filter(None, patterns))) + "\n")


def in_one_line(reason: str) -> str:
    """The findings of a reason that has several lines, without the line that announces them."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines = lines[1:]
    return " | ".join(lines)


def group_of(reason: str) -> str:
    """A reason without what differs from test to test: nodes, versions, types, names, numbers."""
    findings = []
    for line in in_one_line(reason).split(" | "):
        line = re.sub(r"(; )?nodes? '[^']*'(, '[^']*')*(: )?", "", line)
        line = re.sub(r"^([\w.]+)-\d+( \([^)]*\))?", r"\1", line)
        line = re.sub(r"^output(\[\d+\])* (differs|has|is) .*", r"the output \2 …", line)
        line = re.sub(r"'[^']*'", "'…'", line)
        if "operator set" not in line:
            line = re.sub(r"\b(0x[0-9a-f]+|\d+)\b", "N", line)
        findings.append(line)
    return " | ".join(sorted(set(findings)))


def list_failures(outcomes: Sequence[Outcome], table: Table, file: TextIO) -> None:
    """All that does not pass, grouped by reason: first the groups, the largest first, then the tests in them."""
    groups: Dict[str, List[Outcome]] = collections.defaultdict(list)
    for outcome in outcomes:
        if outcome.result not in ("passed", "declined"):
            groups[group_of(outcome.reason)].append(outcome)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    several = len({o.configuration for o in outcomes}) > 1
    for group, members in ordered:
        print(f"{len(members):5}  {group}", file=file)
    for group, members in ordered:
        print(f"\n{group}", file=file)
        for outcome in members:
            where = f" {'-'.join(outcome.configuration)}" if several else ""
            known = "" if table.expects(outcome) else " (not expected)"
            print(f"    {outcome.test}{where}{known}: {in_one_line(outcome.reason)[:400]}", file=file)


def summarize(outcomes: Sequence[Outcome], table: Table, file: TextIO) -> collections.Counter:
    """Prints the numbers for each configuration; gives those of all."""
    columns = ("passed", "declined", "expected to fail", "failed", "passed unexpectedly")
    counts: Dict[Sequence[str], collections.Counter] = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        result = outcome.result if outcome.result in ("passed", "declined") else "failed"
        if table.expects(outcome):
            result = {"failed": "expected to fail", "passed": "passed unexpectedly"}.get(result, result)
        counts[outcome.configuration][result] += 1
    print(f"{'provider':10}{'mode':9}{'shape':10}" + "".join(f"{c:>{len(c) + 3}}" for c in columns), file=file)
    for configuration, count in sorted(counts.items()):
        print(f"{configuration[0]:10}{configuration[1]:9}{configuration[2]:10}"
              + "".join(f"{count[c]:{len(c) + 3}}" for c in columns), file=file)
    tests = {outcome.test for outcome in outcomes}
    known = len(tests & table.tests.keys())
    print(f"{known} of {len(tests)} tests are expected to fail somewhere ({100 * known / len(tests):.1f}%)", file=file)
    return sum(counts.values(), collections.Counter())
