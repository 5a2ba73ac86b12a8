import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.numbers import rounded, rounded_tree

people = st.lists(st.floats(0, 5e5), max_size=60)


def test_thirds_of_a_hundred_add_up_to_a_hundred():
    assert rounded([100 / 3] * 3) == [34, 33, 33]


def test_seats_go_to_the_largest_remainders():
    # The textbook example: 100,000 votes, ten seats.
    votes = [47_000, 16_000, 15_900, 12_000, 6_000, 3_100]
    assert rounded([v / 10_000 for v in votes], 10) == [5, 2, 1, 1, 1, 0]


def test_nothing_stays_nothing():
    assert rounded([]) == []
    assert rounded([0.0, 0.0]) == [0, 0]


@given(people)
def test_rounded_parts_add_up_to_the_rounded_sum(parts):
    assert sum(rounded(parts)) == round(sum(parts))


@given(people)
def test_no_part_is_off_by_one_or_negative(parts):
    for part, number in zip(parts, rounded(parts), strict=True):
        assert number >= 0
        assert abs(number - part) < 1 + 1e-6


@given(people)
def test_whole_numbers_stay_as_they_are(parts):
    whole = [float(round(part)) for part in parts]
    assert rounded(whole) == whole


@given(st.dictionaries(st.integers(0, 50), st.floats(0, 5e5), max_size=40))
def test_every_level_of_a_ragged_tree_adds_up(leaves):
    # Every third has no canton above it, as in the Republika Srpska.
    above = {
        leaf: ["entity 1", "country"] if leaf % 3 == 0 else [f"canton {leaf % 4}", "entity 2", "country"]
        for leaf in leaves
    }
    numbers = rounded_tree(leaves, above)
    for node in {over for path in above.values() for over in path}:
        below = {
            path[i - 1] if i else leaf for leaf, path in above.items() for i in range(len(path)) if path[i] == node
        }
        assert numbers[node] == sum(numbers[child] for child in below)
    if leaves:
        assert numbers["country"] == round(sum(leaves.values()))
    for leaf, value in leaves.items():
        assert abs(numbers[leaf] - value) < 4


@pytest.mark.parametrize("total", [0, 7, 1000])
def test_parts_can_be_brought_to_a_total_that_was_rounded_above_them(total):
    assert sum(rounded([1.2, 2.2, 3.4], total)) == total
