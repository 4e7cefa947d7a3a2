"""What utils/compare measured of a case, as text and as Markdown."""

import itertools
from typing import NamedTuple, Optional

from timing import geometric_mean

COLUMNS = "{:<28}{:>4}{:>10}{:>10}{:>7} {:<13}{:>8}{:>7}{:>7}{:>8}{:>9}{:>9}{:>9}{:>7}{:>7}"
HEAD = COLUMNS.format("milliseconds", "thr.", "Tenon", "ORT", "ratio", "", "GFLOP", "% peak", "% roof", "load", "+ first",
                      "create", "+ first", "MB", "MB")
NUMBERS = {1: "One", 2: "Two", 3: "Three", 4: "Four"}


class Row(NamedTuple):
    """Times in milliseconds; those that are "there" are of ONNX Runtime."""

    name: str
    threads: int
    mine: float
    theirs: float
    #: The ratios of the turns between which eight of ten lie.
    low: float
    high: float
    gflop: float
    #: Per cent of the peak, and of the roofline.
    reached: float
    roof: float
    load: float
    first: float
    create: float
    first_there: float
    megabytes: float
    megabytes_there: float
    #: The time in fp32 over this one, if this is another precision.
    gain: Optional[float]

    @property
    def ratio(self):
        return self.mine / self.theirs

    def text(self):
        gain = "" if self.gain is None else f"{self.gain:>9.2f}"
        return COLUMNS.format(
            self.name, self.threads, f"{self.mine:.3f}", f"{self.theirs:.3f}", f"{self.ratio:.2f}",
            f"({self.low:.2f}-{self.high:.2f})", f"{self.gflop:.3g}", f"{self.reached:.0f}", f"{self.roof:.0f}",
            f"{self.load:.1f}", f"{self.first:.1f}", f"{self.create:.1f}", f"{self.first_there:.1f}",
            f"{self.megabytes:.0f}", f"{self.megabytes_there:.0f}") + gain

    def cells(self):
        cells = [self.name, number(self.mine, 3), number(self.theirs, 3),
                 f"{self.ratio:.2f} ({self.low:.2f}\u2013{self.high:.2f})", number(self.gflop), f"{self.reached:.0f}",
                 number(self.first, 1), number(self.first_there, 1), f"{self.megabytes:.0f}", f"{self.megabytes_there:.0f}"]
        return cells + ([] if self.gain is None else [f"{self.gain:.2f}"])


def number(value, digits=9):
    """Three digits of it that count, after it was rounded to `digits` behind the point."""
    value = round(value, digits)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def print_markdown(rows, precision, machines):
    """The tables of docs/performance.md, one for each number of threads; `machines` tells what the machine can do on
    these."""
    titles = ["case", "Tenon, ms", "ONNX Runtime, ms", "ratio", "GFLOP", "% of peak", "first, ms", "of ONNX Runtime, ms",
              "memory, MB", "of ONNX Runtime, MB"] + ([] if precision == "fp32" else [f"fp32 over {precision}"])
    for threads, group in itertools.groupby(rows, lambda row: row.threads):
        group = list(group)
        print(f"### {NUMBERS.get(threads, threads)} thread{'s'[: threads != 1]}\n")
        print(f"| {' | '.join(titles)} |\n{'|---' * len(titles)}|")
        for row in group:
            print(f"| {' | '.join(row.cells())} |")
        peaks = dict(machines[threads]["peak_gflops"])
        peak = f"{peaks.pop('f32'):.0f} GFLOP/s" + "".join(f" ({peak:.0f} in {name})" for name, peak in peaks.items())
        print(f"\nThe geometric mean is {geometric_mean([row.ratio for row in group]):.2f} over {len(group)} cases; the peak was "
              f"measured as {peak}, and reading memory as {machines[threads]['peak_gbytes_per_second']:.0f} GB/s.\n")
    print(f"Over all {len(rows)} cases it is {geometric_mean([row.ratio for row in rows]):.2f}.")
