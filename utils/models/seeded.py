"""The numbers that sample models and their inputs are made of: always the same for one name, on every machine."""

import zlib

import numpy as np


def stepped(seed, shape, step):
    """float32 numbers: integers of 24 bits with their sign, by a seed, times `step`."""
    count = int(np.prod(shape, dtype=np.int64))
    random = np.random.RandomState(zlib.crc32(seed.encode()))
    values = random.randint(-(1 << 23), 1 << 23, size=count, dtype=np.int32).astype(np.float32)
    values *= np.float32(step)
    return values.reshape(shape)


def uniform(seed, shape, std=1.0, mean=0.0):
    """float32 numbers of the given deviation.

    Uniform rather than normal: the numbers come from integers by exact steps, so every machine gets the same bytes.
    """
    values = stepped(seed, shape, std * np.sqrt(3.0) / (1 << 23))
    if mean:
        values += np.float32(mean)
    return values
