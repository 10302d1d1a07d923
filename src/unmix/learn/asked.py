"""What the page asks and says: questions, claims, sources, and all that has an address."""

from typing import Literal

from pydantic import Field

from unmix.learn.schema import Origin, Recorded

Evaluator = Literal["change", "order", "locate"]
WitnessKind = Literal["equation", "code", "demo", "claim", "measured"]


class Place(Recorded):
    """Which runs: those of a world and kind, one a seed."""

    world: Literal["flat", "tree", "plane", "cube"] = "flat"
    kind: str = "topk"
    setting: float | None = None
    """Exactly this one."""
    l0: float | None = None
    """Or the one whose L0 is the nearest, if it is at most 1 away."""
    origin: Origin = "drawn"
    F: int | None = None
    """Features, atoms and budget of runs in the reader's browser."""
    m: int | None = None
    k: int | None = None


class Bin(Recorded):
    """An option of `locate`: values above the one before it, up to and with `upto`."""

    option: str
    upto: float | None
    """None in the last one: everything above."""


class Measure(Recorded):
    """What a question asks of the runs; never what the answer is."""

    metrics: list[str]
    """Names of numbers of a run; several must agree.  `best_read` is the budget of `read_time`
    with the least error, `read:8` the error in it at 8, `recovered` how many of the reader's runs
    found every direction."""
    from_: Place | None = Field(default=None, alias="from")
    """change: where it begins,"""
    to: Place | None = None
    """and where it ends."""
    among: dict[str, Place] = Field(default={})
    """order: the places that are compared, by option."""
    largest: bool = True
    """order: whether the winner is the largest, or the smallest."""
    at: Place | None = None
    """locate: where the number is read."""
    bins: list[Bin] = Field(default=[])
    """locate: which option a number is."""
    min_effect: float = 0.0
    """Least difference that counts, in every seed."""
    is_readers: bool = False
    """Whether the numbers come from runs in the reader's browser."""


class Check(Recorded):
    """A question that is answered by runs."""

    id: str
    object: str
    """Key of what it is about: `demo:frontier`, `misconception:...`."""
    view: Literal["a", "b", "c1", "c2", "d", "storyboard", "practice", "claims"]
    ask: str
    measure: Measure
    evaluator: Evaluator
    options: dict[str, str]
    visit: list[Literal["from", "to", "at", "among"]]
    """What must have been on screen before the reveal."""
    hints: list[str] = Field(default=[])
    """Where to look, which quantity, a worked step.  `{from.nmse}`, `{to.f1}` and their like are
    the middle of the seeds."""
    after: str
    """What to take from it, whatever came out; filled in the same way."""


class Condition(Recorded):
    """What a number of the run on screen must be."""

    metric: str
    sign: Literal["<", ">"]
    value: float


class Puzzle(Recorded):
    """A state to be found; its thresholds are made from the runs, so that it can be."""

    id: str
    object: str
    view: Literal["a", "b", "c1"]
    ask: str
    """`{0}`, `{1}` are the values of the conditions."""
    conditions: list[Condition]
    solutions: list[Place]
    """Settings of the first seed that do it, found by search."""
    hints: list[str]


class Checks(Recorded):
    """Every question."""

    checks: list[Check]
    puzzles: list[Puzzle]


class Source(Recorded):
    """What something on the page rests on, and what it does not ground."""

    id: str
    authors: str
    title: str
    year: int
    url: str
    grounds: str
    does_not: str


class Supports(Recorded):
    """What a source says for a claim, and where."""

    id: str
    supports: str
    at: str


class Review(Recorded):
    """Who compared a claim with its sources."""

    by: str
    date: str
    verdict: Literal["supported_within_scope", "caveat", "not_supported"]
    note: str
    of: str
    """Hash of the text and scope that were reviewed."""


class Witness(Recorded):
    """Something that runs and may say no."""

    kind: WitnessKind
    object: str
    runs: str
    """equation: its test; code: the listing; demo, measured: a check; claim: its name."""
    expect: str
    says: str


class Claim(Recorded):
    """A statement, what it certifies and what it does not."""

    id: str
    text: str
    certifies_only: str
    does_not: list[str]
    sources: list[Supports]
    review: Review | None
    witnesses: list[Witness]


class Misconception(Recorded):
    """A wrong belief, and the question that shows it."""

    id: str
    says: str
    instead: str
    check: str
    view: str


class Claims(Recorded):
    """Every claim."""

    claims: list[Claim]


class Sources(Recorded):
    """Every source."""

    sources: list[Source]


class Misconceptions(Recorded):
    """Every misconception."""

    misconceptions: list[Misconception]


class Thing(Recorded):
    """Something that has an address, and that a question can be attached to."""

    key: str
    """`KIND:NAME`."""
    kind: Literal["concept", "equation", "source", "code", "claim", "misconception", "demo"]
    title: str
    parent: str
    """Section of the page."""
    anchor: str
    """Id of the element of the page where it is."""
    defined: str
    """File of the project, and where helpful the function, that defines it."""
    about: str
    sources: list[str] = Field(default=[])
    evidence: list[str] = Field(default=[])
    """Keys of other things to look at."""
    resolves: list[str]
    """What would settle a question about it."""


class Things(Recorded):
    """Everything that has an address."""

    objects: list[Thing]
