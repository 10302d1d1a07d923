"""Read what comes next in a thread, while what is there is being used.

This pays where a GPU does the work, while the cores have little to do.  Where training and reading
share the cores, nothing is gained.
"""

import weakref
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Generic, TypeVar, final

T = TypeVar("T")


@final
class Ahead(Generic[T]):
    """Calls `make` with one key after the other, up to `depth` calls ahead of `take`.

    There is never more than one call under way, and results come in the order of the keys.  The
    thread ends when the keys do, after a call that failed, and on `close`, which is also called
    when nobody holds this object any more and when Python ends.
    """

    def __init__(self, make: Callable[[int], T], keys: Iterator[int], *, depth: int) -> None:
        self._room, self._stop = Semaphore(depth), Event()
        self._made: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
        thread = Thread(
            target=_work,
            args=(make, keys, self._room, self._stop, self._made),
            name="reads ahead",
            daemon=True,  # Python would else wait for all of it before it lets `close` be called
        )
        self.close = weakref.finalize(self, _end, self._room, self._stop, thread)
        thread.start()

    def take(self) -> T:
        """Return the next result, or raise what its call raised."""
        made, error = self._made.get()
        self._room.release()
        if error is not None:
            raise error
        assert made is not None
        return made


def _work(
    make: Callable[[int], T],
    keys: Iterator[int],
    room: Semaphore,
    stop: Event,
    made: SimpleQueue[tuple[T | None, BaseException | None]],
) -> None:
    """Make one thing after the other while there is room for it."""
    for key in keys:
        room.acquire()
        if stop.is_set():
            return
        try:
            made.put((make(key), None))
        except BaseException as error:  # noqa: BLE001  `take` raises it
            made.put((None, error))
            return


def _end(room: Semaphore, stop: Event, thread: Thread) -> None:
    """Ask the thread to end and wait for the call that is under way."""
    stop.set()
    room.release()
    thread.join()
