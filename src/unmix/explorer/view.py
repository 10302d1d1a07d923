"""What the server shows: an index, what was written about it, and who can be asked.

Everything under `answers` takes a `View` and gives an object of `unmix.explorer.api`; nothing there
knows of HTTP, so that files can be written of the same objects.
"""

from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any, Protocol, final, runtime_checkable

from unmix import __version__
from unmix.errors import UserError
from unmix.explorer.jobs import Jobs
from unmix.index.explanations import FILE, Explanation, read_explanations
from unmix.index.notes import Notes
from unmix.index.read import Index
from unmix.index.statistics import numbers


@runtime_checkable
class Asked(Protocol):
    """What answers questions that need the model: one process, one question at a time."""

    def ask(self, question: str, payload: dict[str, Any], *, gone: Event | None = None) -> Any:
        """Answer one question; `gone` is set when nobody waits for the answer any more.

        Raises:
            UserError: The question cannot be answered as it is.
            NotReady: The model is not there, or not yet.
            Busy: Another question is being answered.
            TooLong: It took longer than it may.
        """
        ...

    def state(self) -> Mapping[str, object]:
        """Return `state` (off, loading, ready, failed) and a `sentence`."""
        ...


@final
class View:
    """An index, the notes on it, other indexes beside it, and perhaps a model.

    Args:
        index: What is looked at.
        others: Indexes to compare with, by name.
        model: What answers questions that need the model; None in a static export.
    """

    def __init__(
        self,
        index: Index,
        *,
        others: Mapping[str, Index] | None = None,
        model: Asked | None = None,
    ) -> None:
        self.index = index
        self.others = dict(others or {})
        self.model = model
        self.notes = Notes(index)
        self.jobs = Jobs()
        self._explanations: tuple[int, dict[int, list[Explanation]]] = (0, {})

    @property
    def explanations(self) -> dict[int, list[Explanation]]:
        """What others said about latents; read again when the file has changed."""
        known, made = self._explanations
        if known != self._explained:
            known, made = self._explained, read_explanations(self.index)
            self._explanations = known, made
        return made

    @property
    def _explained(self) -> int:
        """A number that changes whenever an explanation does."""
        path = self.index.run / FILE
        return path.stat().st_mtime_ns if path.is_file() else 0

    @property
    def fingerprint(self) -> str:
        """Changes whenever the index, or what is made of it, does."""
        return f"{self.index.manifest.fingerprint}-{__version__}"

    @property
    def version(self) -> str:
        """Changes whenever the fingerprint, a note or an explanation does."""
        return f"{self.fingerprint}-{self.notes.version:x}-{self._explained:x}"

    def other(self, name: str) -> Index:
        """Return an index beside this one."""
        if name not in self.others:
            known = ", ".join(f"`{one}`" for one in self.others) or "none; open some by `--beside`"
            raise UserError(f"no index `{name}` is open beside this one; there are {known}")
        return self.others[name]

    def label(self, latent: int) -> str:
        """Return a latent's label."""
        return str(self.index.column("label")[latent])

    def numeric(self, names: Sequence[str]) -> list[str]:
        """Return the names, if each is a statistic that is a number."""
        for name in names:
            self.index.column(name)  # names the nearest if there is none
            if name not in numbers():
                raise UserError(f"`{name}` is a text; only numbers can be listed as columns")
        return list(names)
