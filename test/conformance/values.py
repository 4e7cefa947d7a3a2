"""Compares results with what ONNX's tests expect."""

from typing import Any

import numpy as np


def compare(expected: Any, found: Any, rtol: float, atol: float, what: str) -> None:
    """Compares values, lists of values, and None."""
    if expected is None or found is None:
        if expected is not found:
            raise AssertionError(f"{what} is {type(found).__name__}, expected {type(expected).__name__}")
        return
    if isinstance(expected, (list, tuple)) or isinstance(found, (list, tuple)):
        if not (isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple))):
            raise AssertionError(f"{what} is {type(found).__name__}, expected {type(expected).__name__}")
        if len(expected) != len(found):
            raise AssertionError(f"{what} has {len(found)} elements, expected {len(expected)}")
        for i, (e, f) in enumerate(zip(expected, found)):
            compare(e, f, rtol, atol, f"{what}[{i}]")
        return
    expected, found = np.asarray(expected), np.asarray(found)
    if expected.dtype != found.dtype or expected.shape != found.shape:
        raise AssertionError(f"{what} is {found.dtype}{list(found.shape)}, expected "
                             f"{expected.dtype}{list(expected.shape)}")
    if expected.dtype.kind in "fc":
        good = np.isclose(found, expected, rtol=rtol, atol=atol, equal_nan=True)
    else:
        good = np.asarray(found == expected)
    if not good.all():
        at = np.unravel_index(int(np.argmin(good)), good.shape)
        raise AssertionError(f"{what} differs in {good.size - np.count_nonzero(good)} of {good.size} elements, the "
                             f"first at {[int(i) for i in at]}: {found[at]!r}, expected {expected[at]!r}")
