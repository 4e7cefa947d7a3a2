"""Checks what profile.test's model in bf16 is measured against: check_half.py JSON TEXT [PAGE]."""

import json
import re
import sys

result = json.load(open(sys.argv[1], encoding="utf-8"))
peaks = result["machine"]["peak_gflops"]
assert list(peaks) == ["bf16", "f32"], peaks
# An instruction does 2 products of bf16 where one of f32 does one, and one of AMX does 16 times as many a cycle.
flags = open("/proc/cpuinfo", encoding="utf-8").read()
assert (0.7 if "avx512_bf16" in flags else 1) * peaks["f32"] <= peaks["bf16"] < 40 * peaks["f32"], peaks
kernels = result["profile"]
types = {kernel["name"]: (kernel["provider"], kernel["arithmetic"]) for kernel in kernels}
# The softmax reads bf16 too; the input is rounded first.
assert types == {"x": ("codegen", "f32"), "product + activation": ("onednn", "bf16"), "other_product": ("onednn", "bf16"),
                 "softmax": ("onednn", "f32")}, types

text = open(sys.argv[2], encoding="utf-8").read()
f32, bf16, bandwidth = map(float, re.search(r"peak of the processor: (\S+) GFLOP/s in f32, (\S+) in bf16, (\S+) GB/s", text).groups())
rows = re.findall(r"^ *\S+ +\S+ +\S+ +\d+ +(\S+) +(\S+) +(\S+)  \w+ +(\w+)", text, re.M)
assert len(rows) == len(types), text
for *rates, name in rows:
    gflops, gbytes, roof = map(float, rates)
    expected = 100 * max(gflops / (bf16 if "product" in name else f32), gbytes / bandwidth)
    # What is printed is rounded.
    assert abs(roof - expected) <= 0.2 + 0.01 * expected, (name, roof, expected)

if len(sys.argv) > 3:
    from report_page import Page

    Page(sys.argv[3]).check_roofline(len([kernel for kernel in kernels if kernel["flops"]]), ["bf16", "f32"])
