"""Answers that take long: worked out once, one at a time, and kept."""

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar, cast, final

from unmix.explorer.trouble import Busy

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds that a request waits for its turn."""
KEPT = 16
"""Answers kept."""


@final
class Jobs:
    """Works out answers one after the other and keeps the latest."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._turn = threading.Lock()
        self._answers: dict[Hashable, object] = {}

    def get(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return the answer `work` gives, from before if it was asked for under the same key.

        Raises:
            Busy: Something else is still being worked out.
        """
        if not self._turn.acquire(timeout=self._patience):
            raise Busy("something that takes long is being worked out; ask again in a moment")
        try:
            answer = self._answers.pop(key) if key in self._answers else work()
            self._answers[key] = answer
            while len(self._answers) > KEPT:
                del self._answers[next(iter(self._answers))]
            return cast("T", answer)
        finally:
            self._turn.release()
