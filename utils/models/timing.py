"""Times of peers that run in turns, and what is told of them."""

import math
import statistics
import time


def run_in_turns(peers, seconds, pause=0.0):
    """Milliseconds of runs, for each peer a list of a list a turn. `peers` are functions that run N times, and give the
    milliseconds of each. Before each turn there is a `pause` in seconds."""
    for peer in peers:
        peer(2)
    each = max(*(peer(1)[0] for peer in peers), 1e-3)
    runs = max(1, min(200, round(20 / each)))
    turns = max(10, min(100, round(seconds * 1000 / (2 * (runs + 1) * each))))
    times = [[] for _ in peers]
    for turn in range(turns):
        for which in list(range(len(peers)))[:: 1 if turn % 2 == 0 else -1]:
            time.sleep(pause)
            # The first brings the caches and the own threads back.
            times[which].append(peers[which](runs + 1)[1:])
    return times


def median_of_all(turns):
    return statistics.median(time for turn in turns for time in turn)


def spread(mine, theirs):
    """The ratios of the turns' medians between which eight of ten lie."""
    ratios = sorted(statistics.median(a) / statistics.median(b) for a, b in zip(mine, theirs))
    tenth = len(ratios) // 10
    return ratios[tenth], ratios[-1 - tenth]


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan
