"""What a metric of the suite is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Literal, TypeAlias, final

from unmix.disk import file_sha256
from unmix.evaluation.suite.finding import Finding
from unmix.evaluation.suite.subject import Subject

Size: TypeAlias = Literal["quick", "full"]


def nothing(settings: Mapping[str, object]) -> Mapping[str, str]:
    """Return no fingerprint: the metric reads nothing but the run."""
    return {}


@final
@dataclass(frozen=True, kw_only=True)
class SuiteMetric:
    """A question about the dictionaries of a run, and how it is answered."""

    name: str
    title: str
    sizes: tuple[Size, ...]
    """The suites it belongs to."""
    code: tuple[str, ...]
    """Modules that decide the numbers: what is known is measured anew when they change."""
    settings: Callable[[Size], Mapping[str, object]]
    """All that decides the numbers besides the run and the code, as JSON."""
    applies: Callable[[Subject], str]
    """Nothing if it can be measured on a run, else the sentence that says why not."""
    measure: Callable[[Subject, Mapping[str, object]], Finding]
    reads: Callable[[Mapping[str, object]], Mapping[str, str]] = nothing
    """Fingerprints of what it reads besides the run, which its settings name."""

    def code_hashes(self) -> dict[str, str]:
        """Return a hash of each module that decides the numbers."""
        return {name: _hash(name) for name in self.code}


@cache
def _hash(module: str) -> str:
    """Return a hash of the source a module was imported from, and not of what it becomes later."""
    file = import_module(module).__file__
    assert file is not None, "a module of this package is a file"
    return file_sha256(Path(file))
