"""What was typed -> a config: a recipe if the first word names one, then the flags over it."""

from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import tyro

from unmix.cli.flags import filled, form, read, spellings
from unmix.config import Config, read_toml, validate
from unmix.errors import UserError

C = TypeVar("C", bound=Config)


def parse(kind: type[C], argv: list[str], *, prog: str, default: C, usage: str = "") -> C:
    """Return `default` with what the flags say put over it.

    Args:
        kind: The config to make.
        argv: The words after the verb.
        prog: The words before them, for the help.
        default: What holds where no flag is given: a recipe, say.
        usage: More on how to call the verb, for the help.

    Raises:
        UserError: A flag is misspelt, or the values cannot go together.
        SystemExit: Help was asked for and shown, or a value cannot be read.
    """
    _check_spelling(kind, argv)
    shape = form(kind)
    doc = f"{kind.__doc__}\n\n{usage}" if usage else kind.__doc__
    got: Any = tyro.cli(
        shape,
        prog=prog,
        description=doc,
        args=argv,
        default=filled(shape, default),
        config=(tyro.conf.AvoidSubcommands,),
    )
    return validate(kind, read(got), where="the settings")


def split_recipe(argv: list[str]) -> tuple[str | None, list[str]]:
    """Return the name of a recipe, if the first word is no flag, and the words after it."""
    if argv and not argv[0].startswith("-"):
        return argv[0], argv[1:]
    return None, argv


def recipe(kind: type[C], name: str) -> C:
    """Read the recipe of that name as a config."""
    return validate(kind, read_recipe(name), where=f"`{name}`")


def read_recipe(name: str) -> dict[str, Any]:
    """Read a recipe: a path, or the name of one that comes with the package."""
    if name.endswith(".toml") and Path(name).is_file():
        return dict(read_toml(Path(name)))
    packaged = {Path(str(path)).name: Path(str(path)) for path in _packaged()}
    found = packaged.get(name.removeprefix("recipes/"))
    if found is None:
        near = get_close_matches(name.removeprefix("recipes/"), packaged, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(sorted(packaged))}"
        raise UserError(f"there is no recipe `{name}`, as a file or in the package; {hint}")
    return dict(read_toml(found))


def _packaged() -> list[Any]:
    """Return the recipes that come with the package."""
    return [path for path in files("unmix.recipes").iterdir() if path.name.endswith(".toml")]


def _check_spelling(kind: type[Config], argv: list[str]) -> None:
    """Refuse a flag that is not there, naming the nearest."""
    known = spellings(kind)
    for typed in argv:
        name = typed.partition("=")[0].replace("_", "-")
        if name.startswith("--") and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "`--help` lists them"
            raise UserError(f"there is no flag `{name}`; {hint}")
