"""The worker: a process that opens a run once and answers one question after the other.

    python -m unmix.explorer.live.worker RUN [--name DICTIONARY]

It is a plain child that speaks over its standard input and output, rather than one of
`multiprocessing`: nothing is pickled, the parent's main module is not imported a second time (so a
notebook may be the parent), and the end of its input tells it that the parent is gone, whatever
became of it.  Its real standard output is set aside for answers; what libraries print goes to
standard error.
"""

import argparse
import os
import queue
import signal
import threading
from pathlib import Path
from typing import IO, Any, final

from unmix.errors import UserError
from unmix.explorer.api import Answer
from unmix.explorer.live.protocol import read_frame, write_frame


class Cancelled(Exception):
    """The one who asked is gone."""


@final
class Inbox:
    """Questions that have come in, read in a thread, so that one may be called off meanwhile."""

    def __init__(self, file: IO[bytes]) -> None:
        self.waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._off: set[int] = set()
        self._at_work: int | None = None
        threading.Thread(target=self._listen, args=(file,), daemon=True).start()

    def next(self) -> dict[str, Any]:
        """Wait for a question."""
        message = self.waiting.get()
        self._at_work = message["id"]
        return message

    def pulse(self) -> None:
        """End the question that is being answered if it has been called off."""
        if self._at_work in self._off:
            raise Cancelled

    def _listen(self, file: IO[bytes]) -> None:
        while (message := read_frame(file)) is not None:
            if "cancel" in message:
                self._off.add(message["cancel"])
            else:
                self.waiting.put(message)
        os._exit(0)  # the parent is gone: no answer is wanted, however far it is


def main() -> None:
    """Open the run, say that it is open, and answer."""
    parser = argparse.ArgumentParser(prog="unmix.explorer.live.worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--name")
    words = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    given, out = own_pipes()
    serve(words.run, words.name, inbox=Inbox(given), out=out)


def own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Return standard input and output for our own use.

    What is printed goes to standard error from then on.  Python itself would want the lock of
    `sys.stdin` at its end, which a thread that listens there holds.
    """
    given, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return given, out


def serve(run: Path, name: str | None, *, inbox: Inbox, out: IO[bytes]) -> None:
    """Answer questions until the process is ended."""
    # Imported while the state is `loading`: torch takes its time.
    from unmix.explorer.live.answering import answer
    from unmix.explorer.live.session import open_session

    try:
        session = open_session(run, name=name)
    except UserError as error:
        write_frame(out, {"state": "failed", "error": str(error)})
        return
    session.pulse = inbox.pulse
    write_frame(out, {"state": "ready"})
    while True:
        message = inbox.next()
        number = message["id"]
        try:
            found = answer(session, message["question"], message["payload"])
            reply = {"id": number, "answer": _plain(found)}
        except UserError as error:
            reply = {"id": number, "error": str(error)}
        except Cancelled:
            reply = {"id": number, "cancelled": True}
        write_frame(out, reply)


def _plain(found: Answer | list[Answer]) -> Any:
    """Return an answer as JSON's own types."""
    if isinstance(found, list):
        return [one.model_dump() for one in found]
    return found.model_dump()


if __name__ == "__main__":
    main()
