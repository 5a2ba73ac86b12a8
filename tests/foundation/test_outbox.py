import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from foundation.outbox import append, read_after
from foundation.spaces import OPERATIONAL_SPACE_ID


def send(session, noon, topic="loan.approved", *, space=OPERATIONAL_SPACE_ID):
    return append(session, space=space, topic=topic, payload={"loan": 7}, at=noon)


def sequences(db, after=0, *, space=OPERATIONAL_SPACE_ID, limit=1000):
    with db.transaction(space) as session:
        return [message.sequence for message in read_after(session, after, space=space, limit=limit)]


def test_a_reader_that_remembers_the_last_number_gets_what_came_after(db, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        assert [send(session, noon, topic) for topic in ("a", "b", "c")] == [1, 2, 3]
        assert [message.topic for message in read_after(session, 1, space=OPERATIONAL_SPACE_ID)] == ["b", "c"]
        assert [message.topic for message in read_after(session, 0, space=OPERATIONAL_SPACE_ID, limit=1)] == ["a"]
        assert read_after(session, 3, space=OPERATIONAL_SPACE_ID) == []


def test_a_message_comes_back_as_it_was_sent(db, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        send(session, noon)
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        [message] = read_after(session, 0, space=OPERATIONAL_SPACE_ID)
        assert (message.topic, message.payload, message.created_at) == ("loan.approved", {"loan": 7}, noon)


def test_each_space_counts_for_itself(db, exercise, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        send(session, noon)
    with db.transaction(exercise) as session:
        assert send(session, noon, space=exercise) == 1
    assert sequences(db) == [1]
    assert sequences(db, space=exercise) == [1]


def test_a_number_that_was_rolled_back_is_given_again(db, undone, noon):
    with undone(OPERATIONAL_SPACE_ID) as session:
        assert send(session, noon) == 1
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        assert send(session, noon) == 1


def test_a_second_writer_waits_so_that_the_first_number_is_never_seen_late(db, noon):
    started = threading.Event()

    def second():
        started.set()
        with db.transaction(OPERATIONAL_SPACE_ID) as session:
            return send(session, noon)

    with ThreadPoolExecutor(1) as pool:
        with db.transaction(OPERATIONAL_SPACE_ID) as session:
            assert send(session, noon) == 1
            waiting = pool.submit(second)
            started.wait()
            time.sleep(0.2)
            assert not waiting.done()
            assert sequences(db) == []
        assert waiting.result(timeout=5) == 2
    assert sequences(db) == [1, 2]


def test_another_space_does_not_wait(db, exercise, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        send(session, noon)
        with db.transaction(exercise) as other:
            assert send(other, noon, space=exercise) == 1


def test_a_reader_never_sees_a_gap_while_many_write_and_some_fail(db, noon):
    writers, each = 6, 25

    def write(number):
        for turn in range(each):
            try:
                with db.transaction(OPERATIONAL_SPACE_ID) as session:
                    send(session, noon, f"{number}.{turn}")
                    if turn % 5 == number % 5:
                        time.sleep(0.002)
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass

    read = []
    with ThreadPoolExecutor(writers) as pool:
        running = [pool.submit(write, number) for number in range(writers)]
        while not all(writer.done() for writer in running):
            read += sequences(db, after=len(read))
            assert read == list(range(1, len(read) + 1))
        for writer in running:
            writer.result()
    read += sequences(db, after=len(read))
    assert read == list(range(1, writers * each * 4 // 5 + 1))


@pytest.mark.parametrize("limit", [0, 1001])
def test_what_is_read_at_once_is_bounded(db, limit):
    with pytest.raises(ValueError, match="from 1 to 1000"):
        sequences(db, limit=limit)
