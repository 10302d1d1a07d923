"""Runs that take turns, each in a process of its own.

Libraries that need different environments cannot share a process.  So each runs in its own, waits
between two turns of a few steps, and goes on when it is told: they are timed round by round, as
things in one process are, and only one works at a time.

    driver                                a run
    run = Run(name, command, log=...)     channel = Channel()
                                          channel.pause()              when it is ready
    run.turn()                            channel.pause(model=1.2)     where its turn ends
    run.close()                           channel.pause()              when it is done
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Any, final

from unmix.errors import UserError

Numbers = dict[str, float]
"""`seconds` of a turn, and what a run says besides."""


@final
class Channel:
    """A run's own end, made before anything is printed: that goes to the log from then on."""

    def __init__(self) -> None:
        self._say = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._begun = perf_counter()

    def pause(self, **numbers: float) -> None:
        """Say how long the turn took, and wait for the next; end if there is none."""
        told = {"seconds": perf_counter() - self._begun} | numbers
        self._say.write(json.dumps(told) + "\n")
        self._say.flush()
        if not sys.stdin.readline():
            sys.exit()
        self._begun = perf_counter()


@final
class Clock:
    """Adds up the seconds that some functions of a library take."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    def watch(self, owner: Any, name: str, *, part: str) -> None:
        """Count the time of a function, or of a method for all objects, towards a part."""
        inner = getattr(owner, name)

        @wraps(inner)
        def timed(*arguments: Any, **options: Any) -> Any:
            begun = perf_counter()
            try:
                return inner(*arguments, **options)
            finally:
                self._seconds[part] += perf_counter() - begun

        setattr(owner, name, timed)

    def take(self) -> Numbers:
        """Return what was added up, and begin anew."""
        taken = dict(self._seconds)
        self._seconds.clear()
        return taken


def every(count: int, call: Callable[[], None]) -> Callable[[], None]:
    """Return a function that makes a call the `count`-th time it is called, and so on."""
    calls = 0

    def called() -> None:
        nonlocal calls
        calls += 1
        if calls % count == 0:
            call()

    return called


def after(owner: Any, name: str, call: Callable[[], None]) -> None:
    """Have a call follow a function, or a method for all objects."""
    inner = getattr(owner, name)

    @wraps(inner)
    def followed(*arguments: Any, **options: Any) -> Any:
        result = inner(*arguments, **options)
        call()
        return result

    setattr(owner, name, followed)


@final
class Run:
    """The driver's end: starts a run, and waits until it is ready for its first turn."""

    def __init__(self, name: str, command: list[str], *, log: Path, path: list[Path]) -> None:
        self.name = name
        self._log = log
        places = {"PYTHONPATH": os.pathsep.join(map(str, path))}
        with log.open("w") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env=os.environ | places,
            )
        self._answer()

    def turn(self) -> Numbers:
        """Let the run work until it pauses."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # `_answer` says why it ended
        return self._answer()

    def close(self) -> None:
        """Let the run end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def stop(self) -> None:
        """End the run where it is."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> Numbers:
        """Read what a run says at its pause."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        said = "\n".join(self._log.read_text().strip().splitlines()[-8:])
        raise UserError(f"the run of {self.name} ended early; `{self._log}` says:\n{said}")
