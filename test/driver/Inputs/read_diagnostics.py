"""Runs a command with --diagnostics=json that must end with the given exit code; prints what its JSON says.

    read_diagnostics.py CODE COMMAND...

The first line is the code and the kind, then a line for each finding: its message and what else is known.
"""

import json
import subprocess
import sys

KEYS = ["severity", "message", "nodes", "op", "domain", "version", "element_type", "tensor", "found", "expected", "notes"]


def main():
    code, command = int(sys.argv[1]), sys.argv[2:]
    result = subprocess.run(command + ["--diagnostics=json"], capture_output=True, encoding="utf-8", check=False)
    if result.returncode != code:
        sys.exit(f"exit code {result.returncode}, expected {code}\n{result.stderr}")
    if result.stderr.count("\n") != 1:
        sys.exit(f"expected one line\n{result.stderr}")
    told = json.loads(result.stderr)
    if list(told) != ["code", "kind", "message", "diagnostics"] or told["code"] != code:
        sys.exit(f"not of the documented shape\n{result.stderr}")
    print(told["code"], told["kind"])
    for finding in told["diagnostics"]:
        if list(finding) != KEYS or finding["severity"] != "error":
            sys.exit(f"not of the documented shape\n{result.stderr}")
        known = [f"{key}={finding[key]}" for key in KEYS[2:] if finding[key]]
        print(" ".join([finding["message"]] + known))


if __name__ == "__main__":
    main()
