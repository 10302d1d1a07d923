"""What a question to the live model costs, in seconds.

    python benchmarks/live.py [--run runs/demo] [--json]

The run needs an index (`unmix index RUN`).  Texts are contexts of the index, of two lengths.  Every
question is asked once to warm up and then `repeat` times, in turns; `first` is the time from
starting the worker to its first answer, libraries included.
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import tyro
from timing import interleave, row, show

from unmix.explorer.api import Intervention
from unmix.explorer.live.ablation import ablate
from unmix.explorer.live.checking import check
from unmix.explorer.live.comparing import compare
from unmix.explorer.live.effect import effect
from unmix.explorer.live.generation import generate
from unmix.explorer.live.reading import read
from unmix.explorer.live.session import Session, open_session
from unmix.explorer.live.shortening import shorten_at
from unmix.explorer.model import Model


class Settings(NamedTuple):
    """What is timed."""

    run: Path = Path("runs/demo")
    """A finished run with an index."""
    tokens: tuple[int, ...] = (32, 255)
    """Lengths of the texts, in tokens."""
    positions: int = 10
    """Positions of the index asked for at once."""
    repeat: int = 3
    """Rounds."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Time every question and print it."""
    settings = tyro.cli(Settings)
    first = started(settings.run)
    session = open_session(settings.run)
    cases = {}
    for n in settings.tokens:
        cases |= of_length(session, n)
    latent, positions = fired(session, settings.positions)
    cases[f"ablate, {len(positions)} positions"] = lambda: ablate(session, latent, positions)
    cases[f"check, {len(positions)} positions"] = lambda: check(session, latent, positions)
    seconds = interleave(cases, repeat=settings.repeat)
    rows = [row("first answer of a worker", [first], "s")]
    rows += [row(name, values, "s") for name, values in seconds.items()]
    show(rows, as_json=settings.json)


def started(run: Path) -> float:
    """Return the seconds from nothing to a first answer, in a process of its own."""
    model, start = Model(run), perf_counter()
    model.ask("read", {"text": "The cat sat on the mat."})
    seconds = perf_counter() - start
    model.close()
    return seconds


def of_length(session: Session, n: int) -> dict:
    """Return the questions about a text of `n` tokens."""
    tokens, width = session.index.tokens, session.index.manifest.context
    decode = session.model.tokenizer.decode
    one, other = (decode(tokens.token[c * width + 1 : c * width + 1 + n].tolist()) for c in (3, 7))
    latent = read(session, one).strongest[0].latent
    end = 3 * width + n
    deep = max(fired_at(session, end), key=lambda pair: pair[1])[0]
    steer = [Intervention(latent=latent, mode="add", strength=30.0)]
    return {
        f"read, {n} tokens": lambda: read(session, one),
        f"compare, {n} tokens": lambda: compare(session, one, other),
        f"shorten, {n} tokens": lambda: shorten_at(session, end, deep),
        f"effect, {n} tokens": lambda: effect(session, one, steer, strengths=[]),
        f"effect and curve, {n} tokens": lambda: effect(session, one, steer),
        f"generate 40 after {n} tokens": lambda: generate(session, one, steer),
    }


def fired_at(session: Session, position: int) -> list[tuple[int, float]]:
    """Return the latents that are strongest at a position, with their acts."""
    row = session.index.strongest_rows.stretch(position, 1, columns=["latents", "values"])
    pairs = zip(row["latents"][0].as_py(), row["values"][0].as_py(), strict=True)
    return [(latent, act) for latent, act in pairs if latent >= 0]


def fired(session: Session, n: int) -> tuple[int, list[int]]:
    """Return a latent of middling density, and some positions where it fired."""
    counts = session.index.column("n_fired")
    latent = int(np.argsort(counts)[len(counts) // 2])
    positions = session.index.codes(latent).positions
    some = np.random.default_rng(0).choice(positions, min(n, len(positions)), replace=False)
    return latent, some.tolist()


if __name__ == "__main__":
    main()
