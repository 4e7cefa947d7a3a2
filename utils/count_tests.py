"""Counts single test cases in ctest's JUnit file: of lit, GoogleTest, unittest, the model checks, else one a ctest test.

Shows the table of the conformance tests too, if they were run.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree


def counts(output):
    """(passed, failed, skipped) as the runner within the ctest test summed them up, or None if it is none we know."""
    # What a provider declined or is expected to fail did not pass, and is no test of ours that could not run.
    plain = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?(?:, \d+ declined, \d+ expected to fail)?$", output,
                       re.M)
    if plain:
        passed, failed, skipped = plain[-1]
        return int(passed), int(failed), int(skipped or 0)
    if re.search(r"^Total Discovered Tests:", output, re.M):
        numbers = dict((k.strip(), int(v)) for k, v in
                       re.findall(r"^  ([A-Z][A-Za-z ]+?)\s*:\s+(\d+) \(", output, re.M))
        failed = sum(numbers.get(k, 0) for k in ("Failed", "Unresolved", "Timed Out", "Unexpectedly Passed"))
        passed = numbers.get("Passed", 0)
        skipped = numbers.get("Unsupported", 0) + numbers.get("Skipped", 0)
        return passed, failed, skipped
    unittest = re.findall(r"^Ran (\d+) tests? in .*\n\n(?:OK|FAILED)(?: \((.*)\))?$", output, re.M)
    if unittest:
        numbers = dict((k, int(v)) for k, v in re.findall(r"([a-z ]+)=(\d+)", unittest[-1][1]))
        failed = sum(numbers.get(k, 0) for k in ("failures", "errors", "unexpected successes"))
        # Those that were left out on purpose are no tests of ours that could not run.
        return int(unittest[-1][0]) - failed - numbers.get("skipped", 0), failed, 0
    passed = re.findall(r"^\[  PASSED  \] (\d+) tests?", output, re.M)
    if passed:
        failed = re.findall(r"^\[  FAILED  \] (\d+) tests?, listed below", output, re.M)
        skipped = re.findall(r"^\[  SKIPPED \] (\d+) tests?, listed below", output, re.M)
        return sum(map(int, passed)), sum(map(int, failed)), sum(map(int, skipped))
    return None


def table(output):
    """What utils/conformance says of each of its configurations; empty if this is the output of something else."""
    found = re.search(r"^provider +mode .*?\n(?=\d+ s$)", output, re.M | re.S)
    return found.group() if found else ""


def main():
    total = [0, 0, 0]
    try:
        cases = list(ElementTree.parse(sys.argv[1]).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"no test results: {error}")
        print("0 passed, 1 failed")
        return 1
    for case in cases:
        status = case.get("status")
        if status == "run" and case.get("name", "").startswith("prepare-"):
            continue  # a fixture, no test
        reason = case.find("skipped")
        if status == "notrun" and not (reason is not None and "SKIP" in reason.get("message", "")):
            status = "fail"  # for example its program was not built
        output = case.findtext("system-out") or ""
        if table(output):
            print(f"\n{table(output)}")
        # What a sanitizer or an unfinished run prints last must not hide that the test as a whole failed.
        passed, failed, skipped = counts(output) or (0, 0, 0)
        if status == "fail" and failed == 0:
            failed += 1
        elif status == "run" and passed + failed + skipped == 0:
            passed = 1
        elif status in ("notrun", "disabled") and passed + failed + skipped == 0:
            skipped = 1
        total = [total[0] + passed, total[1] + failed, total[2] + skipped]
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
