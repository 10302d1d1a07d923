"""One run of unmix that takes turns; `train.py` starts this in a process of its own.

python run_unmix.py JOB.json
"""

import json
import sys
from pathlib import Path
from typing import Any, final

from turns import Channel, Clock

from unmix.activations import live
from unmix.training.config import TrainConfig
from unmix.training.learner import Learner
from unmix.training.run import train


@final
class Pauses:
    """A panel that ends a turn whenever it would be drawn anew."""

    def __init__(self, channel: Channel, clock: Clock, steps: int) -> None:
        self.channel, self.clock, self.steps = channel, clock, steps

    def show(self, *, step: int, steps: int, rate: float, lines: list[dict[str, Any]]) -> None:
        """Pause; step 1 is shown, too, but ends no turn."""
        if step % self.steps == 0:
            self.channel.pause(**self.clock.take())


def main() -> None:
    """Train what the job says."""
    job = json.loads(Path(sys.argv[1]).read_text())
    channel, clock = Channel(), Clock()
    clock.watch(live, "read", part="model")
    clock.watch(Learner, "step", part="dictionary")
    channel.pause()
    train(config(job), panel=Pauses(channel, clock, job["steps"]))
    channel.pause()


def config(job: dict[str, Any]) -> TrainConfig:
    """Return the settings of `unmix train`: on the fly, a block of shuffled tokens a turn.

    No latent counts as dead, as in the peers' default settings so early in a run; and nothing is
    saved before the end.
    """
    source, steps = job["source"], job["turns"] * job["steps"]
    sizes = {"kind": "topk", "latents": job["latents"], "k": job["k"], "dead_after": 10_000_000}
    return TrainConfig.model_validate(
        {
            "out": job["out"],
            "source": source,
            "dictionary": sizes,
            "passes": (steps + 0.5) * job["batch"] / source["tokens"],
            "batch": job["batch"],
            "buffer": source["shard"],
            "frozen_control": False,
            "log_every": job["steps"],
            "save_every": steps + 1,
        }
    )


if __name__ == "__main__":
    main()
