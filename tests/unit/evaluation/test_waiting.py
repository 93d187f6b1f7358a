"""Waiting that a signal ends."""

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from evaluation.campaign.waiting import NOTICED_SECONDS, Interrupted, Stop, Watch


def test_signals_set_it_and_raise_nothing_and_their_handlers_come_back() -> None:
    stop = Stop()
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with stop.by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + 5
        while not stop.is_set and time.monotonic() < deadline:
            time.sleep(0.01)

    assert stop.is_set
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("how", ["sleep", "until", "acquire"])
def test_a_wait_ends_soon_after_the_stop_and_one_to_the_end_does_not(how: str) -> None:
    stop, lock = Stop(), threading.Lock()
    lock.acquire()
    watch = Watch(stop, lambda text: None)
    waits: dict[str, Callable[[], object]] = {
        "sleep": lambda: watch.sleep(60),
        "until": lambda: watch.until(lambda: False, 60),
        "acquire": lambda: watch.acquire(lock),
    }
    threading.Timer(NOTICED_SECONDS, lambda: setattr(stop, "is_set", True)).start()
    started = time.monotonic()

    with pytest.raises(Interrupted):
        waits[how]()

    assert time.monotonic() - started < 30
    assert watch.is_stopped
    watch.to_the_end().sleep(0.01)


def test_what_becomes_so_is_seen_and_what_does_not_ends_at_the_deadline() -> None:
    looks: list[int] = []
    watch = Watch(Stop(), lambda text: None)

    def third_look() -> bool:
        looks.append(0)
        return len(looks) == 3

    assert watch.until(third_look, 60) is True
    assert watch.until(lambda: False, 0.05) is False
