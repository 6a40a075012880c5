"""Waiting for something that will become true; the only place where a test sleeps."""

import time


class TimedOut(AssertionError):
    pass


def until(check, seconds=20.0, what="the condition", every=0.02):
    """Calls `check` until it returns something true, and returns that; an exception of its counts as "not yet"."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = check()
            if value:
                return value
            last = value
        except Exception as error:  # the reason is told when the time is over
            last = error
        if time.monotonic() > deadline:
            raise TimedOut(f"{what} did not come true within {seconds} s; last seen: {last!r}")
        time.sleep(every)
        every = min(every * 1.3, 0.5)


def throughout(check, seconds, what="the condition", every=0.05):
    """Asserts that `check` stays true for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert check(), f"{what} did not stay true"
        time.sleep(every)
