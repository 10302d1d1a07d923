"""`unmix harvest`: read activations from a language model and keep them on disk."""

from pathlib import Path
from typing import final

from unmix.activations.config import SourceConfig
from unmix.cli.console import counting, say, stdout
from unmix.cli.parse import parse, read_recipe, split_recipe
from unmix.config import validate

USAGE = """A recipe may come first, and flags over it: `unmix harvest mine.toml --tokens 100000`.
The recipe of a run is taken, too: its source is read into its store."""


@final
class HarvestConfig(SourceConfig):
    """Read activations from a language model and keep them on disk."""

    out: Path = Path("stores/new")
    """Folder for the store; one that a killed harvest left is gone on with."""


def run(argv: list[str]) -> None:
    """Harvest, and print the folder of the store."""
    name, rest = split_recipe(argv)
    default = HarvestConfig() if name is None else from_recipe(name)
    config = parse(HarvestConfig, rest, prog="unmix harvest", default=default, usage=USAGE)
    source = SourceConfig.model_validate(config.model_dump(exclude={"out"}))
    from unmix.activations.harvest import harvest

    try:
        with counting("harvest") as counter:
            harvest(source, config.out, report=say, progress=counter)
    except KeyboardInterrupt:
        say("stopped; the same command goes on where it was")
        raise
    stdout().print(config.out, markup=False, soft_wrap=True)


def from_recipe(name: str) -> HarvestConfig:
    """Read the recipe of a harvest, or take it from the recipe of a run."""
    data = read_recipe(name)
    if isinstance(data.get("source"), dict):
        store, out = data.get("store"), data.get("out", "")
        place = {} if store is None else {"out": str(store).replace("{out}", str(out))}
        data = data["source"] | place
    return validate(HarvestConfig, data, where=f"`{name}`")
