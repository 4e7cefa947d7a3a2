"""Opens the page of profile.test's chain in a browser and looks at the plan of memory: check_memory.py PAGE."""

import math
import re
import sys

from report_page import Page

page = Page(sys.argv[1])
memory = page.part("memory")
rects = re.findall(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)" fill="[^"]*" [^>]*><title>(.*)\n'
                   r'([\d.]+) MB at ([\d.]+) MB</title>', memory)
assert len(rects) == len(re.findall("<rect", memory)) == 4, memory
tensors = {title: [float(number) for number in numbers] for *numbers, title, _, _ in rects}
bytes_of = {title: (round(float(size) * 1e6), round(float(offset) * 1e6)) for *_, title, size, offset in rects}
assert list(bytes_of) == ["first", "second", "third", "fourth"], bytes_of
# What a product of 4 rows with 32 or 16 columns gives.
assert [size for size, _ in bytes_of.values()] == [512, 256, 512, 256], bytes_of
near = lambda found, expected: math.isclose(found, expected, abs_tol=1e-6)
left, width = tensors["first"][0], tensors["first"][2]
for i, name in enumerate(tensors):
    x, y, wide, high = tensors[name]
    assert near(x, left + i * width / 2) and near(wide, width), f"{name} lives in the kernel that writes it and the next"
    size, offset = bytes_of[name]
    per_byte = tensors["first"][3] / 512
    assert near(high, size * per_byte), f"{name} is as high as it is large"
    bottom = tensors["first"][1] + tensors["first"][3] + bytes_of["first"][1] * per_byte
    assert near(y + high, bottom - offset * per_byte), f"{name} stands at its offset"
names = list(tensors)
for one, two in zip(names, names[1:]):
    (size, offset), (next_size, next_offset) = bytes_of[one], bytes_of[two]
    assert offset + size <= next_offset or next_offset + next_size <= offset, f"{one} and {two} are in use at once"
assert max(size + offset for size, offset in bytes_of.values()) == 512 + 256, "third takes the place of first"

texts = re.findall(r"<text [^>]*>([^<]*)</text>", memory)
assert texts == ["0 MB", "0.000192 MB", "0.000384 MB", "0.000576 MB", "0.000768 MB", "5 kernels"], texts
