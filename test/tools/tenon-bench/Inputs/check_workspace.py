"""Checks that tenon-run --info tells the memory that tenon-bench measured."""

import json
import sys

info, bench = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
(point,) = bench["points"]
assert info["workspace_bytes"] == point["workspace_bytes"] > 0, (info, point)
