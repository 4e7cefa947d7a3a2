"""Checks the JSON of bench.test: what each number must be, beside the others."""

import json
import sys

result = json.load(open(sys.argv[1], encoding="utf-8"))
assert result["name"] == "model" and result["weights_bytes"] == 0, result
small, large = result["points"]
assert small["shapes"] == "x=3x2" and large["shapes"] == "x=64x8", result
for point in result["points"]:
    assert point["threads"] == 1 and point["sessions"] == 2 and point["runs"] >= 2, point
    assert 0 < point["min_ms"] <= point["median_ms"] <= point["p90_ms"] <= point["p99_ms"], point
    assert 0 < point["load_ms"] < point["first_ms"], point
    assert point["runs_per_second"] > 0 and point["peak_bytes"] > 1 << 20, point
