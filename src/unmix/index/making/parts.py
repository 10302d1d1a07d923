"""A part: what one shard adds to an index, sorted by latent, in one file.

A part is whole or absent and says in its header what it belongs to, so that an index that was
stopped goes on at the first part that is not there, and parts made elsewhere can be put beside it.

Axes: n tokens of the shard, m latents, e acts, ends: where latents begin (one more than latents).
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors import SafetensorError, safe_open

from unmix.activations.source import About
from unmix.config import Config
from unmix.disk import write_tensors
from unmix.errors import UserError
from unmix.text.document import Split

FOLDER = "parts"
"""Where parts lie in an index that is being written."""


class Key(NamedTuple):
    """Which shard a part was made from."""

    split: Split
    number: int


class Header(Config):
    """What a part says of itself."""

    index: str
    """Fingerprint of dictionary and activations."""
    tokens: int
    """Tokens of the shard."""


class Part(NamedTuple):
    """What one shard adds; sorted by latent, then row."""

    first: Int[np.ndarray, " ends"]
    """Where each latent's acts begin, and the end."""
    row: Int[np.ndarray, " e"]
    """Row of the shard that each act is on."""
    value: Float[np.ndarray, " e"]
    """The acts."""
    n_special: Int[np.ndarray, " m"]
    """Special tokens each latent fired on."""
    n_massive: Int[np.ndarray, " m"]
    """Massive tokens, not special, each latent fired on."""
    n_first: Int[np.ndarray, " m"]
    """First tokens of a context each latent fired on, whatever they are."""
    strongest: Int[np.ndarray, "n s"]
    """The latents that fired most on each row, strongest first; -1 where there is none."""
    strength: Float[np.ndarray, "n s"]
    """Their acts."""
    token: Int[np.ndarray, " n"]
    document: Int[np.ndarray, " n"]
    """The source's number of each token's document."""
    offset: Int[np.ndarray, " n"]
    special: Bool[np.ndarray, " n"]
    massive: Bool[np.ndarray, " n"]


def path_of(folder: Path, key: Key) -> Path:
    """Return where a part lies."""
    return folder / FOLDER / f"{key.split}-{key.number:05d}.safetensors"


def write_part(
    folder: Path, key: Key, *, part: Part, about: dict[int, About], header: Header
) -> None:
    """Write a part and what is known of its documents."""
    text = json.dumps({str(n): a for n, a in about.items()}, ensure_ascii=False)
    data = {name: torch.from_numpy(value) for name, value in part._asdict().items()}
    data["about"] = torch.from_numpy(np.frombuffer(text.encode("utf-8"), np.uint8).copy())
    write_tensors(path_of(folder, key), data, about=header.model_dump_json())


def read_header(folder: Path, key: Key) -> Header | None:
    """Return the header of a part that is there and whole, else None."""
    path = path_of(folder, key)
    if not path.is_file():
        return None
    try:
        with safe_open(path, "np") as file:  # refuses a file whose length is not what it says
            return Header.model_validate_json((file.metadata() or {}).get("about", ""))
    except (SafetensorError, ValueError):
        return None


def read_columns(folder: Path, key: Key, names: tuple[str, ...]) -> list[np.ndarray]:
    """Return some arrays of a part."""
    with _opened(folder, key) as file:
        return [file.get_tensor(name) for name in names]


def read_about(folder: Path, key: Key) -> dict[int, About]:
    """Return what is known of a part's documents, by the source's number."""
    (data,) = read_columns(folder, key, ("about",))
    return {int(n): About(*a) for n, a in json.loads(data.tobytes().decode("utf-8")).items()}


def read_acts(
    folder: Path, key: Key, *, begin: int, end: int
) -> tuple[Int[np.ndarray, " ends"], Int[np.ndarray, " e"], Float[np.ndarray, " e"]]:
    """Return the acts of the latents from `begin` up to `end`: where each begins, rows, values."""
    with _opened(folder, key) as file:
        first = file.get_slice("first")[begin : end + 1]
        low, high = int(first[0]), int(first[-1])
        return first - low, file.get_slice("row")[low:high], file.get_slice("value")[low:high]


def _opened(folder: Path, key: Key):
    """Open a part, or say how to mend it."""
    path = path_of(folder, key)
    try:
        return safe_open(path, "np")
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"`{path}` is missing, damaged or cut short; run `unmix index` again to make it anew"
        ) from error
