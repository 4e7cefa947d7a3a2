"""What a browser makes of a page of `tenon-run --report`."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path


class Page:
    """`data` is what the page was given, `body` the HTML that its script drew."""

    def __init__(self, path):
        browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))))
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom",
             Path(path).resolve().as_uri()],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=120, check=True)
        assert 'data-drawn="yes"' in done.stdout, "the page's script did not come to its end:\n" + done.stderr
        self.body, script = done.stdout.split("<script>")
        self.data = json.loads(re.search(r"^const data = (.*);$", script, re.M).group(1))

    def part(self, name):
        """The HTML of the element of this id, up to the next heading."""
        return self.body[self.body.index(f'id="{name}"'):].split("<h2>")[0]

    def scale(self, part, axis):
        """The function that gives the number at a coordinate of a logarithmic axis, "x" or "y", from its labels."""
        other = "y" if axis == "x" else "x"
        labels = re.findall(r'<text x="([^"]*)" y="([^"]*)" text-anchor="[^"]*" class="soft">([\d.,]+)</text>', part)
        places = [{"x": float(x), "y": float(y), "log": math.log10(float(text.replace(",", "")))} for x, y, text in labels]
        edge = (max if axis == "x" else min)(place[other] for place in places)
        on_axis = [place for place in places if place[other] == edge]
        first, last = on_axis[0], on_axis[-1]
        assert len(on_axis) >= 2 and first["log"] < last["log"], labels
        per_pixel = (last["log"] - first["log"]) / (last[axis] - first[axis])
        # Labels of rows stand below their lines.
        offset = 4 if axis == "y" else 0
        return lambda at: 10 ** (first["log"] + (at + offset - first[axis]) * per_pixel)

    def check_roofline(self, num_circles, types):
        """There is a roof for the arithmetic of each of these types, at the machine's limits, and a circle for each kernel
        that has one and does arithmetic, at its speed."""
        part = self.part("roofline")
        assert ("Each circle" in part) == (num_circles != 0), "circles are explained where there are some"
        roofs = re.findall(r'<path class="roof" d="M(\S+) (\S+)L(\S+) (\S+)H(\S+)"></path><text [^>]*>(\w+)<', part)
        assert sorted(type for *_, type in roofs) == types and part.count('"roof"') == len(types), roofs
        circles = re.findall(r'<circle cx="(\S+)" cy="(\S+)"', part)
        kernels = [kernel for kernel in self.data["profile"] if kernel["has_roof"] and kernel["flops"]]
        assert len(circles) == len(kernels) == num_circles, circles
        if not circles:
            return
        intensity, speed = self.scale(part, "x"), self.scale(part, "y")
        machine = self.data["machine"]
        bandwidth = machine["peak_gbytes_per_second"]
        near = lambda found, expected: math.isclose(found, expected, rel_tol=1e-6)
        for *places, type in roofs:
            x0, y0, x1, y1, end = map(float, places)
            assert near(speed(y0) / intensity(x0), bandwidth), "the slope is the bandwidth"
            assert near(speed(y1) / intensity(x1), bandwidth), "up to where both limits meet"
            assert near(speed(y1), machine["peak_gflops"][type]), "the flat part is the peak of arithmetic"
            assert x0 < x1 < end, "the flat part goes on to the right"
        for (x, y), kernel in zip(circles, kernels):
            assert near(intensity(float(x)), kernel["flops"] / kernel["bytes"]), kernel
            assert near(speed(float(y)), kernel["flops"] / kernel["ms"] / 1e6), kernel
