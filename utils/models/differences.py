"""How far arrays are from what they should be."""

import typing

import numpy as np

#: How much results in fp32 may differ, relative to the largest magnitude of what was expected.
TOLERANCE = 1e-4


class Mismatch(Exception):
    """Arrays between which there is no distance. The text says why, to stand behind a name for the one that was found."""


class Difference(typing.NamedTuple):
    """The distance of what was found from what was expected; not a number is the largest one."""

    absolute: float = 0.0
    relative: float = 0.0  # to the largest magnitude of what was expected
    cosine: float = 1.0  # of the angle between the two as vectors

    def worst(self, other):
        """The larger distance in each respect."""
        return Difference(larger(self.absolute, other.absolute), larger(self.relative, other.relative),
                          -larger(-self.cosine, -other.cosine))


def larger(a, b):
    return max(a, b, key=lambda x: (x != x, x))


def cosine(found, expected):
    lengths = np.linalg.norm(found) * np.linalg.norm(expected)
    if lengths == 0:
        return float(not found.any() and not expected.any())
    return float(np.dot(found, expected) / lengths)


def difference(found, expected):
    """Of two arrays. Raises Mismatch if their types or shapes differ, or what has to agree exactly: integers, and what is
    not finite."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        raise Mismatch(f"is {found.dtype}{list(found.shape)}, expected {expected.dtype}{list(expected.shape)}")
    if expected.dtype.kind in "biuV":
        different = int(np.count_nonzero(found != expected))
        if different:
            raise Mismatch(f"differs in {different} of {expected.size} elements")
        return Difference()
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        raise Mismatch("differs in what is not finite")
    found, expected = found[finite], expected[finite]
    if not expected.size:
        return Difference()
    # Not a number anywhere makes the maximum not a number, which no comparison lets pass.
    absolute = float(np.abs(found - expected).max())
    return Difference(absolute, absolute / max(float(np.abs(expected).max()), 1e-30), cosine(found, expected))
