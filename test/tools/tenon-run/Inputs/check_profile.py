"""Checks the numbers of profile.test: work and traffic follow from the shapes."""

import json
import sys

result = json.load(open(sys.argv[1], encoding="utf-8"))
trace = json.load(open(sys.argv[2], encoding="utf-8"))
machine = result["machine"]
assert list(machine["peak_gflops"]) == ["f32"] and machine["peak_gflops"]["f32"] > 0, machine
assert machine["peak_gbytes_per_second"] > 0, machine
kernels = {kernel["name"]: kernel for kernel in result["profile"]}
product = next(kernel for name, kernel in kernels.items() if "product" in name)
turned = kernels["turned"]
for kernel in (product, turned):
    assert kernel["provider"] == "codegen" and kernel["calls"] == 2, kernel
    # Of two runs one is at most the mean.
    assert 0 < kernel["least_ms"] <= kernel["ms"] and kernel["arithmetic"] == "f32", kernel
# A run of 3x8 by 8x6, and a function of ten operations an element.
assert product["flops"] == 2 * 3 * 8 * 6 + 10 * 3 * 6, product
assert product["bytes"] == 4 * (3 * 8 + 8 * 6 + 3 * 6), product
assert turned["flops"] == 0 and turned["bytes"] == 4 * 2 * 18, turned
assert result["profiled_runs"] == 2, result

events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
assert [event["name"] for event in events] == 2 * [product["name"], "turned", "run"], events
for name in (product["name"], "turned"):
    took = [event["dur"] for event in events if event["name"] == name]
    assert abs(min(took) - 1e3 * kernels[name]["least_ms"]) < 1e-6, (took, kernels[name])
    assert abs(sum(took) / 2 - 1e3 * kernels[name]["ms"]) < 1e-6, (took, kernels[name])
for first in (0, 3):
    run = events[first + 2]
    assert [event["args"]["shapes"] for event in events[first:first + 2]] == [product["shapes"], turned["shapes"]], events
    assert "args" not in run, run
    for event in events[first:first + 2]:
        assert event["dur"] >= 0 and run["ts"] <= event["ts"], event
        assert event["ts"] + event["dur"] <= run["ts"] + run["dur"] + 1e-3, event
