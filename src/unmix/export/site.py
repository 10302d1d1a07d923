"""An index as a page on plain files, for any web server, under any address.

    OUT/index.html, assets/        the explorer's page, told that it is static
    OUT/data/run.json              what is being looked at
    OUT/data/column/NAME           a statistic of all latents: little-endian float32
    OUT/data/exact/NAME            the same as float64, where float32 would not be all of it
    OUT/data/texts.json            label, rule, token and tags of all latents
    OUT/data/notes.json, notes.jsonl, explanations.json, latents.csv
    OUT/data/differences.json      which latents differ between two slices
    OUT/data/latents/              one latent each, in packs (`packs.py`, `leaves.py`)

Each object is what the server would answer, made by the function it would call.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from unmix import __version__
from unmix.disk import replacing, write_text
from unmix.errors import UserError
from unmix.explorer.answers.run import run_info
from unmix.explorer.answers.slices import differences
from unmix.explorer.answers.table import DEFAULT, csv
from unmix.explorer.app import STATIC
from unmix.explorer.guard import POLICY
from unmix.explorer.view import View
from unmix.export.config import SiteConfig
from unmix.export.folder import claim, is_begun, size
from unmix.export.leaves import Leaves
from unmix.export.packs import compress, write_packs
from unmix.export.work import Counter
from unmix.index.read import ABOUT, open_index
from unmix.index.statistics import numbers

META = re.compile(r'<meta name="unmix" content="server"\s*/?>')
SAMPLED = 12
"""Latents that are tried to tell how large all will be."""
SLICES = 8
"""Values of a kind of metadata that are compared pair by pair."""


class Estimate(NamedTuple):
    """What an export will take."""

    bytes: int
    seconds: float


@final
class Site:
    """A static page of an index.

    Args:
        folder: The index.
        out: Folder for the page.
        kept: How much of each latent is exported.
        processes: How many work at once.
        page: The built page.
    """

    def __init__(
        self,
        folder: Path,
        out: Path,
        *,
        kept: SiteConfig,
        processes: int = 1,
        page: Path = STATIC,
    ) -> None:
        self.view = View(open_index(folder))
        self.out = out
        self.data = out / "data"
        self.processes = processes
        self._page = page
        self._opened = partial(Leaves, folder, kept)
        self._settings = {
            "export": "site",
            "version": __version__,
            "index": self.view.version,
            "kept": kept.model_dump(),
        }

    def is_begun(self) -> bool:
        """Say whether the folder holds a part of this very export; refuse one that is in use."""
        return is_begun(self.out, self._settings)

    def estimate(self) -> Estimate:
        """Try a few latents, and say what all of them would take.

        Raises:
            UserError: There is not so much room on the disk.
        """
        latents = len(self.view.index)
        leaf = self._opened()
        tried = np.unique(np.linspace(0, latents - 1, SAMPLED).astype(int)).tolist()
        leaf(tried[0])  # opens what all of them need
        start = time.perf_counter()
        sizes = [len(compress(leaf(latent))) for latent in tried]
        seconds = (time.perf_counter() - start) / len(tried) * latents / self.processes
        columns = latents * 4 * len(numbers())
        found = Estimate(int(np.mean(sizes) * latents) + columns + size(self._page), seconds)
        free = shutil.disk_usage(_there(self.out)).free
        if found.bytes > free:
            raise UserError(
                f"the export would take about {found.bytes / 1e6:,.0f} MB, and there are "
                f"{free / 1e6:,.0f} MB free; lower `--site.interval` or `--site.window`"
            )
        return found

    def write(self, counter: Counter) -> int:
        """Write what is not there yet, and return the bytes of the whole."""
        claim(self.out, self._settings)
        self._write_page()
        for name, made in self._tables().items():
            if not (self.data / name).is_file():
                _write(self.data / name, made())
        write_packs(
            self.data / "latents",
            len(self.view.index),
            opened=self._opened,
            processes=self.processes,
            counter=counter,
        )
        return size(self.out)

    def _write_page(self) -> None:
        """Copy the built page, and tell it that it is static."""
        if not (self._page / "index.html").is_file():
            raise UserError("the page is not built here; `make web` builds it")
        text = (self._page / "index.html").read_text(encoding="utf-8")
        rule = POLICY.partition("; frame-ancestors")[0]  # a page cannot say who may frame it
        head = (
            '<meta name="unmix" content="static">'
            f'<meta http-equiv="Content-Security-Policy" content="{rule}">'
        )
        text, found = META.subn(head, text)
        if found != 1:
            raise UserError("the built page is of another version; `make web` builds it anew")
        for path in sorted(self._page.rglob("*")):
            beside = self.out / path.relative_to(self._page)
            if path.is_file() and not beside.is_file() and path.name != "index.html":
                _write(beside, path.read_bytes())
        write_text(self.out / "index.html", text)

    def _tables(self) -> dict[str, Callable[[], bytes]]:
        """Return the files about all latents, and what makes each."""
        view, index = self.view, self.view.index
        made: dict[str, Callable[[], bytes]] = {
            "run.json": lambda: run_info(view).model_dump_json().encode(),
            "texts.json": lambda: _json(_texts(view)),
            "notes.json": lambda: _json([note._asdict() for note in view.notes.all()]),
            "notes.jsonl": lambda: "".join(view.notes.lines()).encode(),
            "explanations.json": lambda: _json(_explanations(view)),
            "latents.csv": partial(csv, view, "", sort="latent", descending=False, columns=()),
            "differences.json": lambda: _json(list(_differences(view))),
        }
        for name in numbers():
            made[f"column/{name}"] = partial(_raw, index.column(name), "<f4")
            if ABOUT[name].type in ("int64", "float64"):
                made[f"exact/{name}"] = partial(_raw, index.column(name), "<f8")
        return made


def _there(path: Path) -> Path:
    """Return the nearest folder that exists already."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as beside:
        beside.write_bytes(data)


def _raw(values: np.ndarray, kind: str) -> bytes:
    return values.astype(kind).tobytes()


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _texts(view: View) -> dict[str, Any]:
    """Return every column of texts, the tokens that latents fire on most, and the tags."""
    index = view.index
    vocabulary, top = index.vocabulary, index.column("top_token").tolist()
    return {
        "columns": {
            one.name: index.column(one.name).tolist()
            for one in ABOUT.values()
            if one.type == "string"
        },
        "token": [vocabulary.text(token) for token in top],
        "occurs": [int(vocabulary.count[token]) if token >= 0 else 0 for token in top],
        "tags": view.notes.tags(),
        "listed": list(DEFAULT),
    }


def _explanations(view: View) -> dict[int, list[dict[str, Any]]]:
    return {latent: [one._asdict() for one in some] for latent, some in view.explanations.items()}


def _differences(view: View) -> Iterable[Any]:
    """Yield what differs between any two slices of a kind that has few.

    Two that take too long are left out; the page says that they were not exported.
    """
    for key, slices in view.index.documents.slices.items():
        names = [f"{key}:{value}" for value in slices.values]
        if len(names) > SLICES:
            continue
        for a, b in combinations(names, 2):
            with suppress(TimeoutError):
                yield json.loads(differences(view, a, b, limit=100).model_dump_json())
