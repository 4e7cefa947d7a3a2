"""Checks that docs/reference is what the definitions say: generates each page anew and compares.

usage: check_reference.py SOURCE MLIR-TBLGEN MLIR-INCLUDE. Prints the pages that differ, then how many were checked.
"""

import glob
import os
import re
import subprocess
import sys


def main():
    root, tblgen, include = sys.argv[1:]
    reference = os.path.join(root, "docs", "reference")
    expected, problems = set(), []
    for build in sorted(glob.glob(os.path.join(root, "*", "*", "CMakeLists.txt"))):
        with open(build, encoding="utf-8") as file:
            calls = re.findall(r"^tenon_add_reference\(([^)]*)\)", file.read(), re.M)
        for name, definitions, *flags in map(str.split, calls):
            expected.add(name + ".md")
            page = os.path.join(reference, name + ".md")
            command = [tblgen, *flags, "-I", include, "-I", root, os.path.join(os.path.dirname(build), definitions)]
            generated = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
            try:
                with open(page, encoding="utf-8") as file:
                    written = file.read()
            except FileNotFoundError:
                written = None
            if generated != written:
                problems.append(f"docs/reference/{name}.md")
    for page in sorted(set(os.listdir(reference)) - expected):
        problems.append(f"docs/reference/{page} (no tenon_add_reference makes it)")
    for problem in problems:
        print(f"out of date: {problem}; write it anew: cmake --build --preset release --target tenon-docs")
    print(f"{len(expected)} pages checked")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
