"""A run's dictionary in the format of another library."""

from collections.abc import Callable
from pathlib import Path

from unmix.dictionaries.files import load, read_card
from unmix.errors import UserError
from unmix.export import dictionary_learning, saelens, sparsify
from unmix.training.finished import dictionaries

LIBRARIES: dict[str, Callable[..., None]] = {
    "saelens": saelens.write,
    "sparsify": sparsify.write,
    "dictionary_learning": dictionary_learning.write,
}
"""Each writes `(dictionary, folder, card=...)`, or refuses what it has no form for."""


def write_dictionary(run: Path, out: Path, *, library: str, dictionary: str | None = None) -> None:
    """Write a dictionary as a library reads it.

    Args:
        run: The run folder.
        out: A new folder.
        library: One of `LIBRARIES`.
        dictionary: Which dictionary, where the run has several.

    Raises:
        UserError: The run has no such dictionary, the library has no form for its kind, or
            something is in the way.
    """
    folders = dictionaries(run)
    if dictionary is None and len(folders) > 1:
        raise UserError(f"`{run}` has several dictionaries; name one: {', '.join(folders)}")
    name = dictionary or next(iter(folders))
    if name not in folders:
        raise UserError(f"`{run}` has no dictionary `{name}`; there are {', '.join(folders)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"`{out}` is there already; name a new folder")
    LIBRARIES[library](load(folders[name]), out, card=read_card(folders[name]))
