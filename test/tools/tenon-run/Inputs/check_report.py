"""Opens the page of profile.test in a browser and looks at what it drew: check_report.py PAGE CIRCLES."""

import re
import sys

from report_page import Page

page = Page(sys.argv[1])
circles = int(sys.argv[2])
page.check_roofline(circles, ["f32"] if circles else [])
assert len(re.findall("<tr", page.body)) == 1 + 2, "the table has a head and both kernels"
graph = page.part("graph")
assert len(re.findall("<g", graph)) == 2 and len(re.findall("<path", graph)) == 1, "two kernels, one reads the other's"
assert "3x8" in page.body and "product" in page.body, "shapes and names are told"
# On the device results are buffers, which are copied to the outputs behind the kernels.
assert ("No tensor is kept between kernels." in page.part("memory")) == (circles != 0), "both results are outputs"
