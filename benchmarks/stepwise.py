"""sparsify's training loop, which knows no single step, taken a step at a time.

    loop = Loop()
    loop.begin(Trainer(config, dataset, StandIn(batches, loop)).fit)
    loop.turn()        # one step

The loop runs in a thread, and nothing else does while it runs.
"""

from collections.abc import Callable, Sequence
from itertools import count
from threading import Semaphore, Thread
from typing import final

import torch
from torch import Tensor, nn


@final
class Loop:
    """Takes a loop that knows no steps a turn at a time, in a thread of its own."""

    def __init__(self) -> None:
        self._go, self._paused = Semaphore(0), Semaphore(0)
        self._failed: Exception | None = None

    def begin(self, run: Callable[[], object]) -> None:
        """Run the loop up to its first pause."""
        Thread(target=self._run, args=(run,), daemon=True).start()
        self._wait()

    def turn(self) -> None:
        """Run the loop up to its next pause."""
        self._go.release()
        self._wait()

    def pause(self) -> None:
        """Wait for the next turn; called by what the loop runs."""
        self._paused.release()
        self._go.acquire()

    def _run(self, run: Callable[[], object]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 -- raised again where the turn was asked for
            self._failed = error
        self._paused.release()

    def _wait(self) -> None:
        self._paused.acquire()
        if self._failed is not None:
            raise self._failed


@final
class StandIn(nn.Module):
    """A language model as sparsify sees one; it carries the next batch, and ends a turn before."""

    def __init__(self, batches: Sequence[Tensor], loop: Loop) -> None:
        super().__init__()
        self.batches, self.loop, self.site = batches, loop, nn.Identity()
        self.numbers = count()
        self.device = torch.device("cpu")
        self.dummy_inputs = {"input_ids": torch.zeros(1, 1, dtype=torch.long)}

    @property
    def base_model(self) -> nn.Module:
        """The model without its head."""
        return self

    def forward(self, input_ids: Tensor) -> Tensor:
        """Carry a batch, whatever the tokens."""
        batch = self.batches[next(self.numbers) % len(self.batches)]
        if input_ids.numel() == len(batch):  # else it asks for the width
            self.loop.pause()
        return self.site(batch.view(len(input_ids), -1, batch.shape[1])[:, : input_ids.shape[1]])
