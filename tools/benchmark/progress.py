"""How far a run is."""

import sys
from time import monotonic

from benchmark.environment import note


def minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class Progress:
    """One line that changes on a terminal, else a line for every part of the work."""

    def __init__(self, total):
        """`total`: the seconds of work that are expected; only their proportions count."""
        self._total = total
        self._done = 0.0
        self._begin = monotonic()
        self._part = None

    def begin(self, part):
        if not sys.stderr.isatty():
            note(f"{minutes(monotonic() - self._begin)} {part}")
        self._part = part

    def step(self, seconds, detail):
        """To be called before `seconds` of the expected work begin."""
        if sys.stderr.isatty():
            share = min(self._done / self._total, 1)
            left = ""
            if share > 0.02:
                rest = (monotonic() - self._begin) * (1 / share - 1)
                left = f", {minutes(rest)} left"
            line = f"bench: {share:4.0%}{left}: {self._part}, {detail}"
            sys.stderr.write(f"\r\033[K{line[:110]}")
            sys.stderr.flush()
        self._done += seconds

    def end(self):
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
