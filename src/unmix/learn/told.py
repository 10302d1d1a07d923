"""What witnesses said when they ran, what the server can do, and the reader's own run."""

from typing import Literal

from unmix.learn.asked import WitnessKind
from unmix.learn.schema import Recorded

State = Literal["passed", "failed", "stale", "not_run"]
Support = Literal["reviewed", "caveat", "not_reviewed", "stale"]
Operation = Literal["passing", "failing", "stale", "not_run"]


class WitnessState(Recorded):
    """What a witness said when it last ran."""

    kind: WitnessKind
    object: str
    runs: str
    state: State
    said: str
    seconds: float


class ClaimState(Recorded):
    """Two lights that have nothing to do with each other."""

    source: Support
    operational: Operation
    witnesses: list[WitnessState]


class Status(Recorded):
    """What the claims' witnesses said when they last ran."""

    commit: str
    date: str
    versions: dict[str, str]
    key: str
    claims: dict[str, ClaimState]


class Running(Recorded):
    """A witness that was asked for."""

    id: str
    """`CLAIM.NUMBER`, counted from 0; "" before any was."""
    state: Literal["idle", "running", "done"]
    seconds: float = 0.0
    """Since it was asked for; once it is done, what it took."""
    witness: WitnessState | None = None
    """Once it is done."""


class Served(Recorded):
    """What a page that is served can do."""

    is_served: bool = True
    version: str
    run: str | None
    """Name of the reader's own run."""
    running: Running


class OwnScore(Recorded):
    """One number of the reader's own run, with its interval."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    definition: str


class OwnDensity(Recorded):
    """How often latents fire: how many lie between two edges of log10 density."""

    edges: list[float]
    counts: list[int]
    dead: int


class OwnOne(Recorded):
    """One dictionary or control of the reader's own run."""

    name: str
    role: str
    about: str
    scores: list[OwnScore]
    density: OwnDensity | None


class OwnLink(Recorded):
    """Where in the explorer a claim may be looked into."""

    claim: str
    says: str
    address: str


class Own(Recorded):
    """The page's views on the reader's own run."""

    run: str
    model: str
    site: str
    original_ce: float | None
    tokens: int
    measured: list[OwnOne]
    """Dictionaries first."""
    links: list[OwnLink]
    """Empty where no explorer is served."""
