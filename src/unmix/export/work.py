"""Blocks of latents done by several processes, each of which opens the index once."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

T = TypeVar("T")

Counter = Callable[[int, int], None]
"""Is told how many latents are done, and how many there are."""

_opened: list[Any] = []
"""In a process of the pool: what its blocks are done with."""


def blocks(
    do: Callable[[T, int], None],
    numbers: Sequence[int],
    *,
    opened: Callable[[], T],
    processes: int,
) -> Iterator[None]:
    """Do every block, and yield as each is done.

    Args:
        do: Does one block, given what was opened and the block's number.
        numbers: The blocks.
        opened: Opens what is needed; is called once in each process, and can be sent to one.
        processes: How many work at once; 1 works in this one.
    """
    if processes == 1 or len(numbers) < 2:
        here = opened()
        for number in numbers:
            do(here, number)
            yield
        return
    # Not forked: this process has threads, and what they hold would be copied locked.
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_open, initargs=(opened,)
    ) as pool:
        futures = [pool.submit(_do, do, number) for number in numbers]
        try:
            for future in as_completed(futures):
                future.result()
                yield
        finally:  # stopped half-way, only the blocks in hand are finished
            for future in futures:
                future.cancel()


def _open(opened: Callable[[], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process
    _opened.append(opened())


def _do(do: Callable[[Any, int], None], number: int) -> None:
    do(_opened[0], number)
