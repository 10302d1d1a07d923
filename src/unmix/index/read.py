"""An index on disk, opened for reading; nothing here needs torch.

    index = open_index("runs/demo")
    index.latents                    every statistic, an Arrow table
    index.codes(412)                 where latent 412 fired, and how strongly
    index.latent(412)                a latent that draws itself in a notebook

What is small (a row a latent, a row a document) is read whole when first asked for; acts are read
a latent at a time, by the rows where they lie.

Axes: m latents, f firings of a latent, D documents, d width of the directions.
"""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from unmix.disk import file_sha256
from unmix.errors import UserError
from unmix.index import schema
from unmix.index.corpus import Documents, Tokens, Vocabulary
from unmix.index.grouped import Grouped
from unmix.index.manifest import FILES, MANIFEST, Manifest, read_manifest
from unmix.index.rows import Rows

if TYPE_CHECKING:
    from unmix.index.portrait import LatentView

HASHED = 2**24
"""Files up to this many bytes are compared with their fingerprint on opening, larger ones by their
length and footer; `Index.verify` compares all."""
RECENT = 4
"""Latents whose acts are kept: what is known of one is asked for in several questions."""
COLUMNS: dict[str, dict[str, str]] = {
    "codes": schema.CODES,
    "latents": {column.name: column.type for column in schema.LATENTS},
    "logits": schema.LOGITS,
    "logit_counts": schema.LOGIT_COUNTS,
    "neighbours": schema.NEIGHBOUR,
    "strongest": schema.STRONGEST_COLUMNS,
    "tokens": schema.TOKENS,
    "documents": schema.DOCUMENTS,
    "vocabulary": schema.VOCABULARY,
}
"""What each file must hold."""
ABOUT = {column.name: column for column in schema.LATENTS}
"""The statistics by name."""


class Codes(NamedTuple):
    """Where one latent fired, in order of position."""

    positions: Int[np.ndarray, " f"]
    values: Float[np.ndarray, " f"]


def open_index(folder: str | Path, *, dictionary: str | None = None) -> "Index":
    """Open the index of a run.

    Args:
        folder: The run, or the index itself.
        dictionary: Which, where a run has an index for each of several dictionaries.

    Raises:
        UserError: There is none, it is damaged, or another version wrote it.
    """
    found = find(Path(folder), dictionary=dictionary)
    return Index(found, read_manifest(found))


def find(folder: Path, *, dictionary: str | None = None) -> Path:
    """Return the folder of an index, given a run or the index itself."""
    if dictionary is None and (folder / MANIFEST).is_file() and (folder / "codes.parquet").exists():
        return folder
    inside = folder / "index"
    several = {path.parent.name: path.parent for path in sorted(inside.glob(f"*/{MANIFEST}"))}
    if dictionary is not None:
        if dictionary in several:
            return several[dictionary]
        known = ", ".join(f"`{name}`" for name in several) or "none with a name"
        raise UserError(f"`{folder}` has no index of `{dictionary}`; there are {known}")
    if (inside / MANIFEST).is_file() or not several:
        return inside
    if len(several) > 1:
        known = ", ".join(f"`{name}`" for name in several)
        raise UserError(f"`{folder}` has several indexes; name a dictionary: {known}")
    return next(iter(several.values()))


@final
class Index:
    """What is known of every latent of a dictionary: columns on disk, read when asked for.

    Raises:
        UserError: A file is missing, cut short, or not the one that was written.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        for name in FILES:
            _check(folder, f"{name}.parquet", manifest)
        self._files = {name: Rows(folder / f"{name}.parquet", COLUMNS[name]) for name in FILES}
        for name, n in {"latents": manifest.n_latents, "tokens": manifest.n_tokens}.items():
            if len(self._files[name]) != n:
                raise UserError(
                    f"`{folder / name}.parquet` has {len(self._files[name])} rows, the manifest "
                    f"says {n}; write the index anew"
                )
        self._columns: dict[str, np.ndarray] = {}
        self._recent = lru_cache(RECENT)(self._read_codes)

    def __repr__(self) -> str:
        return f"Index({str(self.folder)!r}: {len(self)} latents, {self.manifest.n_tokens} tokens)"

    def __len__(self) -> int:
        return self.manifest.n_latents

    @property
    def run(self) -> Path:
        """Folder of the run: notes, explanations and the dictionary are there."""
        return self.folder.parent.parent if self.name else self.folder.parent

    @property
    def name(self) -> str:
        """Name of the dictionary, where a run has several; empty else."""
        folder = self.folder.absolute()
        return folder.name if folder.parent.name == "index" != folder.name else ""

    def verify(self) -> None:
        """Compare every file with its fingerprint: reads the whole index."""
        for name, facts in self.manifest.files.items():
            if file_sha256(self.folder / name) != facts.sha256:
                raise _changed(self.folder / name)

    # ------------------------------------------------------------ a row a latent

    @cached_property
    def latents(self) -> pa.Table:
        """Every statistic of every latent; `.to_pandas()` for a frame."""
        return self._files["latents"].whole(list(COLUMNS["latents"])).combine_chunks()

    def column(self, name: str) -> np.ndarray:
        """Return one statistic of all latents: numbers, or an array of texts.

        Raises:
            UserError: There is no such column.
        """
        if name not in ABOUT:
            from difflib import get_close_matches

            near = get_close_matches(name, ABOUT, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(ABOUT)}"
            raise UserError(f"there is no column `{name}`; {hint}")
        if name not in self._columns:
            self._columns[name] = self.latents[name].to_numpy()
        return self._columns[name]

    def latent(self, latent: int) -> "LatentView":
        """Return one latent, which draws itself in a notebook."""
        from unmix.index.portrait import LatentView

        return LatentView(self, self.checked(latent))

    def checked(self, latent: int) -> int:
        """Return a latent's number, or raise a sentence if there is no such latent."""
        if not 0 <= latent < len(self):
            raise UserError(f"there is no latent {latent}; they run from 0 to {len(self) - 1}")
        return latent

    # ------------------------------------------------------------ acts

    def codes(self, latent: int) -> Codes:
        """Return where a latent fired, and how strongly, at positions that are eligible."""
        return self._recent(self.checked(latent))

    def _read_codes(self, latent: int) -> Codes:
        first = int(self.column("first_row")[latent])
        n = int(self.column("n_fired")[latent])
        table = self._files["codes"].stretch(first, n, columns=["position", "value"])
        return Codes(table["position"].to_numpy(), table["value"].to_numpy())

    @property
    def code_rows(self) -> Rows:
        """The file of all acts, for what must go through them all."""
        return self._files["codes"]

    @property
    def strongest_rows(self) -> Rows:
        """The file of the strongest latents at each position."""
        return self._files["strongest"]

    # ------------------------------------------------------------ what it was indexed on

    @cached_property
    def tokens(self) -> Tokens:
        """The token at every position, and where it comes from."""
        return Tokens.of(self._files["tokens"].whole(list(schema.TOKENS)))

    @cached_property
    def documents(self) -> Documents:
        """The documents that the tokens are from."""
        return Documents.of(self._files["documents"].whole(list(schema.DOCUMENTS)))

    @cached_property
    def document_sizes(self) -> Int[np.ndarray, " D"]:
        """Eligible tokens of each document."""
        tokens = self.tokens
        return np.bincount(tokens.document[tokens.eligible], minlength=len(self.documents))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What every token id stands for, and how often it occurs."""
        return Vocabulary.of(self._files["vocabulary"].whole(list(schema.VOCABULARY)))

    # ------------------------------------------------------------ what directions do

    @cached_property
    def logits(self) -> Grouped:
        """Tokens that each direction writes for and against."""
        return Grouped(self._files["logits"].whole(list(schema.LOGITS)), len(self))

    @cached_property
    def neighbours(self) -> Grouped:
        """The nearest latents of each."""
        return Grouped(self._files["neighbours"].whole(list(schema.NEIGHBOUR)), len(self))

    @cached_property
    def logit_counts(self) -> pa.Table:
        """Histogram of each direction's effects on all logits; no rows if it has none."""
        return self._files["logit_counts"].whole(list(schema.LOGIT_COUNTS)).combine_chunks()

    @cached_property
    def directions(self) -> Float[np.ndarray, "m d"]:
        """The decoder rows, each of length one, from the dictionary's file.

        Raises:
            UserError: The dictionary is not the one that was indexed.
        """
        from safetensors import safe_open

        path = self.run / self.manifest.dictionary / "dictionary.safetensors"
        if not path.is_file():
            raise UserError(f"`{path}` is not there; directions are read from the dictionary")
        if file_sha256(path) != self.manifest.dictionary_fingerprint:
            raise UserError(f"`{path}` changed since it was indexed; index the run again")
        with safe_open(path, framework="numpy") as file:
            rows = np.array(file.get_tensor("W_dec"), dtype=np.float32)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return rows


def _check(folder: Path, name: str, manifest: Manifest) -> None:
    """Refuse a file that is missing, cut short or changed."""
    path, facts = folder / name, manifest.files.get(name)
    if facts is None or not path.is_file():
        raise UserError(f"`{path}` is missing; write the index anew with `unmix index RUN`")
    size = path.stat().st_size
    if size != facts.bytes:
        raise UserError(
            f"`{path}` has {size} bytes, the manifest says {facts.bytes}; write the index anew"
        )
    if size <= HASHED and file_sha256(path) != facts.sha256:
        raise _changed(path)


def _changed(path: Path) -> UserError:
    return UserError(f"`{path}` is not the file that was written; write the index anew")
