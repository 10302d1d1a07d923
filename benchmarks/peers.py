"""unmix beside other libraries: one step, reading a model, and training end to end.

    python benchmarks/peers.py [--json] [--parts step harvest train]

Makes the peers' environment if it is not there (that of `quality/`), and runs

    step       peer_step.py            SAELens, dictionary_learning, sparsify
    harvest    harvest.py --peers      SAELens, sparsify
    train      train.py --peers        SAELens, sparsify
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, NamedTuple

import tyro
from quality.peers import environment

from unmix.errors import UserError

HERE = Path(__file__).resolve().parent


class Settings(NamedTuple):
    """What is measured."""

    json: bool = False
    """Print a line of JSON for each number."""
    parts: tuple[Literal["step", "harvest", "train"], ...] = ("step", "harvest", "train")
    """What to measure."""
    latents: tuple[int, ...] = (4608, 18432)
    """Sizes of a step; the last is that of training end to end, too."""
    repeat: int = 7
    """Rounds that are counted."""
    environment: Path = Path("runs/quality/peers")
    """Virtual environment of the peers; made if it is not there."""


def main() -> None:
    """Measure what was asked for."""
    settings = tyro.cli(Settings)
    try:
        peers = environment(settings.environment, lambda text: print(text, file=sys.stderr))
    except UserError as error:
        sys.exit(str(error))
    shared = ["--repeat", str(settings.repeat)] + ["--json"] * settings.json
    there = [*shared, "--peers", "--environment", str(settings.environment)]
    sizes = [str(m) for m in settings.latents]
    commands = {
        "step": [str(peers), "peer_step.py", *shared, "--latents", *sizes],
        "harvest": [sys.executable, "harvest.py", *there],
        "train": [sys.executable, "train.py", *there, "--latents", sizes[-1]],
    }
    for part in settings.parts:
        python, script, *flags = commands[part]
        if not settings.json:
            print(f"\n{part}", flush=True)
        run([python, str(HERE / script), *flags])


def run(command: list[str]) -> None:
    """Run a script of this folder, with unmix where Python finds it; end if it fails."""
    places = {"PYTHONPATH": str(HERE.parent / "src")}
    done = subprocess.run(command, check=False, env=os.environ | places)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
