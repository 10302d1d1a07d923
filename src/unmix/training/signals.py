"""SIGINT and SIGTERM as a wish, granted after the step in hand."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final


@final
class Stopped(Exception):
    """The run was asked to stop; a checkpoint is written."""

    def __init__(self, text: str, run: Path) -> None:
        super().__init__(text)
        self.run = run


@final
class StopRequest:
    """False until a signal came."""

    def __init__(self) -> None:
        self.asked = False

    def __bool__(self) -> bool:
        """Say whether the end was asked for."""
        return self.asked


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a wish; a second one acts as usual."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may handle signals
        return
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: Any) -> None:
        request.asked = True
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
