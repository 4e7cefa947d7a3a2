"""Runs a command that must fail with the given exit code and one error; prints the error.

    expect_error.py CODE COMMAND...
"""

import subprocess
import sys


def main():
    code, command = int(sys.argv[1]), sys.argv[2:]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    print(result.stderr, end="")
    if result.returncode != code:
        sys.exit(f"exit code {result.returncode}, expected {code}")
    if result.stdout:
        sys.exit("something was written in spite of the error")
    if result.stderr.count("error: ") != 1:
        sys.exit("expected exactly one error")


if __name__ == "__main__":
    main()
