"""Turns arrays into plain elements and compares plain elements with an array.

    elements.py write ARRAY.npy FILE
    elements.py compare FILE ARRAY.npy TOLERANCE
"""

import sys

import numpy as np


def main():
    command, first, second = sys.argv[1:4]
    if command == "write":
        np.load(first).tofile(second)
        return
    expected = np.load(second)
    found = np.fromfile(first, expected.dtype)
    if found.size != expected.size:
        sys.exit(f"{found.size} elements, expected {expected.size}")
    error = np.abs(found - expected.ravel()).max()
    if not error <= float(sys.argv[4]):
        sys.exit(f"largest error {error}, more than {sys.argv[4]}")


if __name__ == "__main__":
    main()
