"""Threads that play have real-time priority, and only while they play."""

import os
import sys
import threading

import pytest

from oscine.realtime.priority import raise_priority, real_time


@pytest.mark.skipif(sys.platform != "linux", reason="real-time priority is asked for on Linux")
def test_threads_have_it_while_they_play() -> None:
    seen: list[int] = []

    def see() -> None:
        seen.append(os.sched_getscheduler(0))

    def ask() -> None:
        raise_priority()
        see()

    def run(target) -> int:
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        return seen.pop()

    if run(ask) != os.SCHED_FIFO:
        pytest.skip("this system gives no real-time priority to this user")
    before = os.sched_getscheduler(0)

    def play() -> None:
        with real_time():
            see()
            assert run(see) == os.SCHED_FIFO
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play()
    assert seen.pop() == os.SCHED_FIFO
    assert os.sched_getscheduler(0) == before != os.SCHED_FIFO
    assert run(see) == before
