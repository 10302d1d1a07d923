"""The model as the server sees it: questions in, answers out, and never torch in this process.

The model lives in a worker (`live/worker.py`) that is started by the first question.  Questions are
answered one at a time; a few may wait.  A worker that takes too long is killed and another one
started; one that breaks down is told of in a sentence, and the next question starts it anew.
"""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypedDict, final

from unmix.errors import UserError
from unmix.explorer.live.process import Process
from unmix.explorer.live.questions import checked
from unmix.explorer.trouble import Busy, NotReady, TooLong

WAITING = 8
"""Questions that may wait while one is answered."""
SECONDS = 60.0
"""Time an answer may take."""
LOADING = 300.0
"""Time the opening of a run may take; one read on the fly runs its model over a first shard."""
STEP = 0.1
"""Seconds between looks at whether the one who asked is still there."""


class LiveState(TypedDict):
    """Whether the model can be asked."""

    state: Literal["off", "loading", "ready", "failed"]
    sentence: str


@final
class Model:
    """A run's model and one of its dictionaries, to be asked.

    Args:
        run: The run folder.
        name: Which dictionary, where the run has several.
        seconds: Time an answer may take.
        loading: Time the opening of the run may take.
        waiting: Questions that may wait while one is answered.
        command: What is started as the worker, for tests.
    """

    def __init__(
        self,
        run: Path,
        *,
        name: str | None = None,
        seconds: float = SECONDS,
        loading: float = LOADING,
        waiting: int = WAITING,
        command: list[str] | None = None,
    ) -> None:
        self.run, self.name = run, name
        self._seconds, self._loading, self._most = seconds, loading, waiting + 1
        self._command = command
        self._turn, self._guard = threading.Lock(), threading.Lock()
        self._asking = 0
        self._numbers = count(1)
        self._process: Process | None = None
        self._trouble = ""
        self._is_closed = False

    def state(self) -> LiveState:
        """Say whether the model can be asked, without waiting for anything."""
        process = self._process
        state = "ended" if process is None else process.state
        if state == "ready":
            return _state("ready", f"the model of `{self.run.name}` is ready")
        if state == "loading":
            return _state("loading", f"the model of `{self.run.name}` is being loaded")
        trouble = process.failure if process and process.failure else self._trouble
        if trouble:
            return _state("failed", trouble)
        return _state("off", "the model is loaded when it is first asked")

    def start(self) -> None:
        """Begin to load the model, if that has not been done; returns at once."""
        with self._guard:
            if self._is_closed:
                raise NotReady("the explorer is being closed")
            if self._process is None or self._process.state in ("failed", "ended"):
                self._drop()
                self._process = Process(self.run, self.name, command=self._command)

    def ask(
        self, question: str, payload: dict[str, Any], *, gone: threading.Event | None = None
    ) -> Any:
        """Put a question to the model and wait for the answer, as JSON's own types.

        Args:
            question: One of `QUESTIONS` in `live/questions.py`.
            payload: What it is about.
            gone: Is set when nobody waits for the answer any more.

        Raises:
            UserError: The question cannot be answered as it is asked.
            Busy: Too many questions are waiting.
            NotReady: The model cannot be loaded, or broke down over this question.
            TooLong: The answer took too long.
        """
        asked = checked(question, payload).model_dump(mode="json")
        gone = gone or threading.Event()
        with self._place(gone):
            process = self._ready(gone)
            number = next(self._numbers)
            process.send({"id": number, "question": question, "payload": asked})
            return self._answer(process, number, gone)

    def close(self) -> None:
        """End the worker; nothing can be asked from then on."""
        with self._guard:
            self._is_closed = True
            self._drop()

    @contextmanager
    def _place(self, gone: threading.Event) -> Iterator[None]:
        """Wait for this question's turn, if not too many are waiting."""
        with self._guard:
            if self._asking >= self._most:
                raise Busy(f"{self._asking} questions are waiting for the model; ask again soon")
            self._asking += 1
        try:
            while not self._turn.acquire(timeout=STEP):
                _still_there(gone)
            try:
                yield
            finally:
                self._turn.release()
        finally:
            with self._guard:
                self._asking -= 1

    def _ready(self, gone: threading.Event) -> Process:
        """Return a worker that can be asked, waiting until it has loaded."""
        self.start()
        process, end = self._process, time.monotonic() + self._loading
        assert process is not None, "it was started"
        while not process.wait(STEP):
            _still_there(gone)
            if time.monotonic() > end:
                self._fail(f"the model took more than {self._loading:g} seconds to load; try again")
                raise NotReady(self._trouble)
        if process.state == "failed":
            raise NotReady(process.failure)
        if process.state == "ended":
            self._broke(process)
        self._trouble = ""
        return process

    def _answer(self, process: Process, number: int, gone: threading.Event) -> Any:
        """Wait for the answer to a question."""
        end, is_off = time.monotonic() + self._seconds, False
        while True:
            left = end - time.monotonic()
            if left <= 0:
                self._fail("")
                self.start()
                raise TooLong(
                    f"the model took more than {self._seconds:g} seconds; ask about a shorter text"
                )
            if gone.is_set() and not is_off:
                process.send({"cancel": number})
                is_off = True
            try:
                message = process.receive(min(left, STEP))
            except queue.Empty:
                continue
            if message is None:
                self._broke(process)
            elif message.get("id") == number:
                return _told(message)

    def _broke(self, process: Process) -> None:
        """Tell that the worker has ended by itself."""
        cause = "it was closed" if self._is_closed else process.cause()
        self._fail(f"the model's process ended ({cause}); ask again and it is started anew")
        raise NotReady(self._trouble)

    def _fail(self, trouble: str) -> None:
        """End the worker, remembering why."""
        with self._guard:
            self._trouble = trouble
            self._drop()

    def _drop(self) -> None:
        """End the worker there is."""
        if self._process is not None:
            self._process.kill()
            self._process = None


def _state(state: Literal["off", "loading", "ready", "failed"], sentence: str) -> LiveState:
    return {"state": state, "sentence": sentence}


def _told(message: dict[str, Any]) -> Any:
    """Return the answer in a message, or raise what it says."""
    if "error" in message:
        raise UserError(message["error"])
    if "cancelled" in message:
        raise NotReady("the question was called off")
    return message["answer"]


def _still_there(gone: threading.Event) -> None:
    if gone.is_set():
        raise NotReady("the question was called off")
