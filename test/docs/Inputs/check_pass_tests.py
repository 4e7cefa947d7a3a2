"""Tells which passes have no lit test of their own name: check_pass_tests.py SOURCE

The test of tenon-NAME is test/FOLDER/NAME.mlir for the folder of its Passes.td; a pass whose name begins with that of its
folder may leave that out.
"""

import glob
import os
import re
import sys

source = sys.argv[1]
count = 0
for path in sorted(glob.glob(os.path.join(source, "*", "*", "Passes.td"))):
    folder = os.path.relpath(os.path.dirname(path), source)
    with open(path, encoding="utf-8") as file:
        names = re.findall(r'Pass<"tenon-([^"]+)"', file.read())
    for name in names:
        count += 1
        stems = {name, name.removeprefix(os.path.basename(folder) + "-")}
        files = [os.path.join(source, "test", folder, stem + ".mlir") for stem in sorted(stems)]
        found = [f for f in files if os.path.exists(f)]
        if not found:
            print(f"no test: {os.path.relpath(files[0], source)}")
            continue
        with open(found[0], encoding="utf-8") as file:
            if f"tenon-{name}" not in file.read():
                print(f"{os.path.relpath(found[0], source)} does not run tenon-{name}")
print(f"{count} passes checked")
