"""What was used last is kept, made once, and at most so much of it."""

import threading
import time

import pytest

from foundation.recent import Recent


def test_what_was_used_longest_ago_goes_first():
    recent, made = Recent(2), []

    def get(key):
        return recent.get(key, lambda: made.append(key) or key.upper())

    assert [get(key) for key in ("a", "b", "a", "c", "a", "b")] == ["A", "B", "A", "C", "A", "B"]
    assert made == ["a", "b", "c", "b"]
    assert len(recent) == 2


def test_however_many_ask_at_the_same_time_it_is_made_once():
    recent, made, got = Recent(4), [], []

    def make():
        made.append(1)
        time.sleep(0.05)
        return object()

    threads = [threading.Thread(target=lambda: got.append(recent.get("key", make))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(set(map(id, got))) == 1


def test_making_one_thing_does_not_hold_up_another():
    recent, ready = Recent(4), threading.Event()
    slow = threading.Thread(target=lambda: recent.get("slow", lambda: ready.wait(5)))
    slow.start()
    assert recent.get("quick", lambda: 1) == 1
    ready.set()
    slow.join()


def test_what_could_not_be_made_is_tried_again():
    recent = Recent(4)

    def fail():
        raise ValueError("not now")

    for _ in range(2):
        with pytest.raises(ValueError, match="not now"):
            recent.get("key", fail)
    assert recent.get("key", lambda: 2) == 2
