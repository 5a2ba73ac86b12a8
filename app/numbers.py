"""Rounding so that what is shown adds up."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from math import floor
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def rounded(parts: Sequence[float], total: int | None = None) -> list[int]:
    """The parts (≥ 0) as whole numbers that add up to `total`, by default to their rounded sum.

    Largest remainder: each part is rounded down, and what is then missing goes, one each, to the parts that lost most;
    the earlier of equal ones first. With a total of their own rounded sum no part is off by one or more.
    """
    if total is None:
        total = round(sum(parts))
    whole = sum(parts)
    # A total that was itself rounded differs a little from the sum: the parts are brought to it in proportion.
    scale = total / whole if whole > 0 and abs(total - whole) >= 1 else 1.0
    exact = [part * scale for part in parts]
    result = [floor(part) for part in exact]
    missing = total - sum(result)
    order = sorted(range(len(parts)), key=lambda i: (result[i] - exact[i], i))
    if missing >= 0:
        for turn in range(missing if parts else 0):
            result[order[turn % len(order)]] += 1
        return result
    # The rounded total is below the sum of what was rounded down: take from those that lost least.
    takers = [i for i in reversed(order) if result[i] > 0]
    for i in takers[:-missing]:
        result[i] -= 1
    return result


def rounded_tree(leaves: Mapping[Key, float], above: Mapping[Key, Sequence[Key]]) -> dict[Key, int]:
    """Whole numbers for leaves and everything above them; the parts of each add up to it.

    above: of each leaf what lies over it, nearest first. The top is rounded, then its parts, down to the leaves.
    """
    sums: dict[Key, float] = {}
    parts: dict[Key, set[Key]] = {}
    tops: set[Key] = set()
    for leaf, value in leaves.items():
        path = [leaf, *above.get(leaf, ())]
        for below, over in pairwise(path):
            parts.setdefault(over, set()).add(below)
        for node in path:
            sums[node] = sums.get(node, 0.0) + value
        tops.add(path[-1])
    result: dict[Key, int] = {}

    def settle(nodes: set[Key], total: int | None) -> None:
        ordered = sorted(nodes, key=str)
        for node, number in zip(ordered, rounded([sums[n] for n in ordered], total), strict=True):
            result[node] = number
            if node in parts:
                settle(parts[node], number)

    if tops:
        settle(tops, None)
    return result
