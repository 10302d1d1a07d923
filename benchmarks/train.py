"""End to end: tokens a second from the text to a trained dictionary, reading the model on the fly.

    python benchmarks/train.py [--json]
    python benchmarks/train.py --peers        beside SAELens and sparsify, in their environment

unmix runs as `unmix train` does without a store.  Every run is a process of its own, and they take
turns of a few steps (`turns.py`): the same model, site, tokens, context, batch, latents and `k`,
TopK, all on the CPU and (`fp32`) in float32.

    steady       tokens trained on over the seconds of a turn, from the second on
    whole run    all tokens over all seconds: loading, every turn, saving; imports left out
"""

import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tyro
from quality.peers import environment
from timing import Row, rate, ratio, row, show
from turns import Numbers, Run

from unmix.activations.config import SourceConfig
from unmix.activations.reading import Reading
from unmix.errors import UserError
from unmix.models.load import load_model, pick_device, pick_dtype
from unmix.models.sites import resolve, widths
from unmix.text.sources import open_corpus

HERE = Path(__file__).resolve().parent
PATHS = [HERE.parent / "src", HERE]
"""Where a run finds unmix, and these files."""


class Settings(NamedTuple):
    """What is run."""

    json: bool = False
    """Print a line of JSON for each number."""
    peers: bool = False
    """Let other libraries take turns, too."""
    environment: Path = Path("runs/quality/peers")
    """The peers' virtual environment; made if it is not there."""
    precisions: tuple[str, ...] = ()
    """unmix's `model_dtype`, a run each; by default `fp32`, and what `auto` comes to here."""
    steps: int = 3
    """Steps in a turn."""
    repeat: int = 7
    """Turns that are counted; one more comes before."""
    latents: int = 18432
    """Directions in the dictionary, `m`."""
    k: int = 32
    """Latents a token."""
    batch: int = 4096
    """Tokens a step."""
    context: int = 256
    """Tokens in one context."""
    model: str = "smollm2-135m"
    """As `unmix train --source.model`."""
    site: str = "resid.12"
    """As `unmix train --source.sites`."""
    work: Path = Path("runs/speed")
    """Folder for the tokens, the runs and their logs; what was there is gone."""


def main() -> None:
    """Run everything in turns and print the numbers."""
    settings = tyro.cli(Settings)
    shutil.rmtree(settings.work, ignore_errors=True)
    settings.work.mkdir(parents=True)
    try:
        numbers = race(settings)
    except UserError as error:
        sys.exit(str(error))
    show(table(settings, numbers), as_json=settings.json)


def tell(text: str) -> None:
    """Say what takes long."""
    print(text, file=sys.stderr)


def race(settings: Settings) -> dict[str, list[Numbers]]:
    """Let every run have its turns; return what each said, its end last."""
    jobs = every_job(settings)
    numbers: dict[str, list[Numbers]] = {name: [] for name in jobs}
    with ExitStack() as open_runs:
        runs = []
        for name, job in jobs.items():
            runs.append(start(settings, name, job))
            open_runs.callback(runs[-1].stop)
        for _ in range(1 + settings.repeat + 1):
            for run in runs:
                numbers[run.name].append(run.turn())
        for run in runs:
            run.close()
    return numbers


def start(settings: Settings, name: str, job: dict[str, Any]) -> Run:
    """Start one run; it waits for its first turn."""
    place = settings.work.resolve() / name.replace(" ", "-")
    told = place.with_suffix(".json")
    told.write_text(json.dumps(job | {"out": str(place)}))
    python, script = sys.executable, "run_unmix.py"
    if "library" in job:
        python, script = str(environment(settings.environment, tell)), "run_peer.py"
    command = [python, str(HERE / script), str(told)]
    return Run(name, command, log=place.with_suffix(".log"), path=PATHS)


def every_job(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what each run is told, by its name."""
    names = ("steps", "latents", "k", "batch", "context")
    shared = {name: getattr(settings, name) for name in names} | {"turns": 1 + settings.repeat}
    auto = pick_dtype("auto", pick_device("cpu"))
    precisions = settings.precisions or tuple(dict.fromkeys(("fp32", auto)))
    jobs = {
        f"unmix {dtype}": shared | {"source": source(settings) | {"model_dtype": dtype}}
        for dtype in precisions
    }
    if settings.peers:
        same = shared | given(settings)
        jobs |= {library: same | {"library": library} for library in ("SAELens", "sparsify")}
    return jobs


def source(settings: Settings) -> dict[str, Any]:
    """Return the settings of unmix's source: the demo's text, a shard a turn.

    One context a turn is to spare, since special tokens and those of massive norm are left out.
    """
    shard = settings.steps * settings.batch + settings.context
    return {
        "model": settings.model,
        "sites": [settings.site],
        "text": ["news", "stdlib"],
        "weights": [2.0, 1.0],
        "tokens": (1 + settings.repeat) * shard,
        "held_out_tokens": settings.context,
        "context": settings.context,
        "shard": shard,
        "device": "cpu",
    }


def given(settings: Settings) -> dict[str, Any]:
    """Write the tokens that unmix reads to a file, and return what the peers are given."""
    config = SourceConfig.model_validate(source(settings))
    model = load_model(config.model, device="cpu")
    place = resolve(model.model, settings.site)
    if place.side != "output":
        raise UserError(f"`{settings.site}` is no output of a module; the peers read nothing else")
    reading = Reading(config, model.tokenizer, [open_corpus(spec) for spec in config.text])
    shards = [reading.contexts("train", number) for number in range(1 + settings.repeat)]
    ids = np.stack([context.tokens for shard in shards for context in shard])
    path = settings.work.resolve() / "tokens.npy"
    np.save(path, ids.astype(np.int64))
    folder = str(Path(model.model.config.name_or_path).resolve())
    width = widths(model.model, {"x": place})["x"]
    return {"tokens": str(path), "folder": folder, "module": place.module, "width": width}


def table(settings: Settings, numbers: dict[str, list[Numbers]]) -> list[Row]:
    """Return the rates, where the time goes, and the ratios between runs."""
    tokens = settings.steps * settings.batch
    steady = {name: [n["seconds"] for n in said[1:-1]] for name, said in numbers.items()}
    whole = {name: [sum(n["seconds"] for n in said)] for name, said in numbers.items()}
    rows = []
    for name in numbers:
        rows.append(rate(f"{name} steady", steady[name], tokens, "tokens/s"))
        everything = (1 + settings.repeat) * tokens
        rows.append(rate(f"{name} whole run", whole[name], everything, "tokens/s"))
        rows += shares(name, numbers[name][1:-1])
    for peer in numbers:
        for ours in numbers:
            if ours.startswith("unmix") and not peer.startswith("unmix"):
                rows.append(ratio(f"{ours} / {peer} steady", steady[peer], steady[ours], "x"))
                rows.append(ratio(f"{ours} / {peer} whole run", whole[peer], whole[ours], "x"))
    return rows


def shares(name: str, turns: list[Numbers]) -> list[Row]:
    """Return which shares of the turns went into the model, the dictionary and the rest."""
    parts = sorted(set(turns[0]) - {"seconds"}, reverse=True)
    rows = [
        row(f"{name}: {part}", [turn[part] / turn["seconds"] for turn in turns], "of the time")
        for part in parts
    ]
    if parts:
        rest = [1 - sum(turn[part] for part in parts) / turn["seconds"] for turn in turns]
        rows.append(row(f"{name}: rest", rest, "of the time"))
    return rows


if __name__ == "__main__":
    main()
