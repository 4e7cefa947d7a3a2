"""How random graphs grow: a maker of nodes after another, chosen by weight."""

import random
from typing import FrozenSet

from graph import Case, Declined, Graph, finish
from pointwise import MAKERS


def grow(graph: Graph, steps: int) -> None:
    makers = [function for _, function in MAKERS]
    weights = [weight for weight, _ in MAKERS]
    for _ in range(steps):
        try:
            graph.rng.choices(makers, weights)[0](graph)
        except Declined:
            pass


def make_case(seed: int, avoid: FrozenSet[str] = frozenset()) -> Case:
    """The random graph of a seed, without some operators. Small graphs are frequent: they find most, and say most."""
    rng = random.Random(seed)
    graph = Graph(rng, rng.choice([11, 13, 14, 17, 17, 18, 19, 21]), avoid=avoid)
    steps = rng.choice([2, 3, 5, 8, 12, 18, 25])
    while not graph.nodes or not graph.sinks():
        grow(graph, steps)
    return finish(graph, f"fuzz_{seed}")


# They register their makers.
import contractions, control, movement, patterns, quantized, reductions  # noqa: E401,E402
