"""The worker as its parent sees it: started, spoken to, listened to, ended.  No torch here."""

import contextlib
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from pathlib import Path
from typing import IO, Any, Literal, final

from unmix.explorer.live.protocol import read_frame, write_frame

MODULE = "unmix.explorer.live.worker"
LINES = 60
"""Last lines of the worker's standard error that are kept."""
LINE = 4096
"""Bytes of a line; the rest counts as another."""
SHOWN = 200
"""Characters of the last of them that are told."""
GRACE = 5.0
"""Seconds that are waited for something that ends at once."""

State = Literal["loading", "ready", "failed", "ended"]


@final
class Heard:
    """What has come from a worker."""

    def __init__(self) -> None:
        self.state: State = "loading"
        self.failure = ""
        """Why the run could not be opened, in a sentence."""
        self.settled = threading.Event()
        """Set once it is no longer loading."""
        self.answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        """None once there are no more."""
        self.said: deque[str] = deque(maxlen=LINES)
        """Lines of its standard error."""


@final
class Process:
    """A worker for one run.

    It is ended by `kill`, when nobody holds this object any more, and when Python ends, however it
    ends: its standard input ends then, too.

    Args:
        run: The run folder.
        name: Which dictionary, where the run has several.
        command: What is started; by default the worker.
    """

    def __init__(
        self, run: Path, name: str | None = None, *, command: list[str] | None = None
    ) -> None:
        words = [str(run.absolute()), *(["--name", name] if name else [])]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            command or [sys.executable, "-P", "-m", MODULE, *words],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        assert self._child.stdin is not None
        self._input: IO[bytes] = self._child.stdin
        self._heard = Heard()
        files = {_listen: self._child.stdout, _overhear: self._child.stderr}
        # They hold what was heard and not this object, which else would never be let go.
        threads = [
            threading.Thread(target=work, args=(file, self._heard), daemon=True)
            for work, file in files.items()
        ]
        for thread in threads:
            thread.start()
        self.kill = weakref.finalize(self, _end, self._child, threads)

    @property
    def state(self) -> State:
        """How far the worker is."""
        return self._heard.state

    @property
    def failure(self) -> str:
        """Why the run could not be opened; empty unless it `failed`."""
        return self._heard.failure

    def wait(self, seconds: float) -> bool:
        """Wait until it is no longer loading; say whether that is so."""
        return self._heard.settled.wait(seconds)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; one to a worker that has ended is lost, as `receive` will tell."""
        with contextlib.suppress(BrokenPipeError):
            write_frame(self._input, message)

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Return the next answer, or None if the worker has ended.

        Raises:
            queue.Empty: There was none in that time.
        """
        return self._heard.answers.get(timeout=max(seconds, 0.0))

    def cause(self) -> str:
        """Say why a worker that has ended did so; its last lines go to standard error."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(GRACE)
        said = [line for line in self._heard.said if line.strip()]
        sys.stderr.writelines(said)
        code = self._child.returncode
        if code == -signal.SIGKILL:
            return "killed by the system; is there enough memory?"
        last = said[-1].strip()[:SHOWN] if said else ""
        return last or f"exit status {code}"


def _listen(file: IO[bytes], heard: Heard) -> None:
    """Take in what the worker answers."""
    with contextlib.suppress(ValueError):  # no JSON: something else writes on that pipe
        while (message := read_frame(file)) is not None:
            if "state" not in message:
                heard.answers.put(message)
                continue
            heard.failure = message.get("error", "")
            heard.state = message["state"]
            heard.settled.set()
    if heard.state != "failed":
        heard.state = "ended"
    heard.settled.set()
    heard.answers.put(None)


def _overhear(file: IO[bytes], heard: Heard) -> None:
    """Keep the last lines of the worker's standard error."""
    while line := file.readline(LINE):
        heard.said.append(line.decode(errors="replace"))


def _end(child: subprocess.Popen[bytes], threads: list[threading.Thread]) -> None:
    """Kill the worker and clear up behind it."""
    child.kill()
    child.wait()
    for thread in threads:
        thread.join(GRACE)
    for file in (child.stdin, child.stdout, child.stderr):
        if file is not None:
            with contextlib.suppress(BrokenPipeError):
                file.close()
