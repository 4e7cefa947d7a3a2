"""Opens the page of profile.test in a browser and looks at what it drew: check_report.py PAGE CIRCLES."""

import math
import re
import sys

from report_page import Page

page = Page(sys.argv[1])
circles = int(sys.argv[2])
roofline = page.part("roofline")
assert len(re.findall("<circle", roofline)) == circles, "the roofline has the processor's kernel with arithmetic"
assert ("Each circle" in roofline) == (circles != 0), "circles are explained where there are some"
assert len(re.findall("<tr", page.body)) == 1 + 2, "the table has a head and both kernels"
graph = page.part("graph")
assert len(re.findall("<g", graph)) == 2 and len(re.findall("<path", graph)) == 1, "two kernels, one reads the other's"
assert "3x8" in page.body and "product" in page.body, "shapes and names are told"
# On the device results are buffers, which are copied to the outputs behind the kernels.
assert ("No tensor is kept between kernels." in page.part("memory")) == (circles != 0), "both results are outputs"

roofs = re.findall(r'<path class="roof" d="M(\S+) (\S+)L(\S+) (\S+)H(\S+)"', roofline)
assert len(roofs) == (1 if circles else 0), roofs
for roof in roofs:
    x0, y0, x1, y1, end = map(float, roof)
    intensity, speed = page.scale(roofline, "x"), page.scale(roofline, "y")
    machine = page.data["machine"]
    near = lambda found, expected: math.isclose(found, expected, rel_tol=1e-6)
    assert near(speed(y1), machine["peak_gflops"]), "the flat part is the peak of arithmetic"
    assert near(speed(y0) / intensity(x0), machine["peak_gbytes_per_second"]), "the slope is the bandwidth"
    assert near(speed(y1) / intensity(x1), machine["peak_gbytes_per_second"]), "up to where both meet"
    assert x0 < x1 < end, "the flat part goes on to the right"
    (at_x, at_y), = re.findall(r'<circle cx="(\S+)" cy="(\S+)"', roofline)
    kernel = next(kernel for kernel in page.data["profile"] if kernel["flops"])
    assert near(intensity(float(at_x)), kernel["flops"] / kernel["bytes"]), kernel
    assert near(speed(float(at_y)), kernel["flops"] / kernel["ms"] / 1e6), kernel
