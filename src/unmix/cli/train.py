"""`unmix train`: learn one dictionary, or many at once, from activations."""

from pathlib import Path

from unmix.activations.config import SourceConfig
from unmix.cli.console import counting, say, stderr, stdout
from unmix.cli.parse import parse, recipe, split_recipe
from unmix.errors import UserError
from unmix.training.config import TrainConfig
from unmix.training.signals import Stopped

USAGE = """A recipe may come first, and flags over it: `unmix train demo.toml --passes 2`.
Without one, `--store FOLDER` trains on activations that are there, else the model is read on the
fly. `unmix train --resume RUN` goes on with a run that was stopped."""


def run(argv: list[str]) -> None:
    """Train, or go on training, and print the run folder."""
    if any(word.partition("=")[0] == "--resume" for word in argv):
        folder = learn(_resumed(argv))
    else:
        name, rest = split_recipe(argv)
        default = _default(rest) if name is None else recipe(TrainConfig, name)
        folder = learn(parse(TrainConfig, rest, prog="unmix train", default=default, usage=USAGE))
    stdout().print(folder, markup=False, soft_wrap=True)


def learn(wanted: TrainConfig | Path, *, again: str | None = None) -> Path:
    """Carry out a config, or go on with a run folder, in sight of the user; return the folder.

    Args:
        wanted: A config, or the folder of a run that was stopped.
        again: What to do after a stop, if not to resume.
    """
    from unmix.training.panel import live_panel
    from unmix.training.run import resume, train

    folder = wanted if isinstance(wanted, Path) else wanted.out
    again = again or f"go on with `unmix train --resume {folder}`"
    try:
        with counting("harvest") as counter, live_panel(stderr) as panel:
            if isinstance(wanted, Path):
                return resume(wanted, report=say, panel=panel, progress=counter)
            return train(wanted, report=say, panel=panel, progress=counter)
    except Stopped as stopped:
        say(f"{stopped}; {again}")
        raise KeyboardInterrupt from stopped
    except KeyboardInterrupt:  # before the first step, or a second time
        if (folder / "config.json").exists():
            say(f"stopped; {again}")
        raise


def _resumed(argv: list[str]) -> Path:
    """Return the folder of the run to go on with."""
    words = argv[0].split("=", 1) + argv[1:]
    if len(words) != 2 or words[0] != "--resume":
        raise UserError(
            "`--resume` takes the folder of a run and no other flag: its settings are in the folder"
        )
    return Path(words[1])


def _default(argv: list[str]) -> TrainConfig:
    """Return what holds without a recipe: a store knows its source, else there is the default."""
    given = {word.partition("=")[0].partition(".")[0] for word in argv}
    if "--store" in given and "--source" not in given:
        return TrainConfig(store="")
    return TrainConfig(source=SourceConfig())
