"""The weight of the sparsity penalty: fixed, or steered until L0 is what was asked for."""

import math
from typing import final


@final
class Penalty:
    """A weight that rises over the warm-up and, unless it is fixed, follows a target L0.

    The weight is `exp(level)`.  Each step moves `level` by what L0 is off (integral part) and by
    how fast L0 is moving (which damps): both relative, so one setting serves every dictionary.
    """

    def __init__(self, *, fixed: float | None, k: float, initial: float, steps: int) -> None:
        self.fixed = fixed
        self.k = k
        self.level = math.log(initial)
        self.gain = min(0.1, 40 / steps)
        self.last: float | None = None

    def weight(self, ramp: float) -> float:
        """Return the weight of this step; `ramp` is the warm-up's factor."""
        return ramp * (math.exp(self.level) if self.fixed is None else self.fixed)

    def observe(self, l0: float) -> None:
        """Take in the L0 of the last batch."""
        if self.fixed is not None:
            return
        error = math.log(max(l0, 1e-3) / self.k)
        change = 0.0 if self.last is None else error - self.last
        self.level += self.gain * max(-1.0, min(1.0, error)) + 0.5 * change
        self.last = error

    def state(self) -> dict[str, float | None]:
        """Return the numbers that a checkpoint keeps."""
        return {"level": self.level, "last": self.last}

    def restore(self, state: dict[str, float | None]) -> None:
        """Take the numbers of a checkpoint."""
        self.level, self.last = float(state["level"] or 0.0), state["last"]
