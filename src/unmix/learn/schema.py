"""Everything that is recorded for the page, and everything it is told: the only definition.

The page's types are made from it (`tools/openapi.py`).  Files lie in `recorded/`; binary ones are
little endian.

weights/NAME.bin    float32, for raw activations: W_enc [m, d], b_enc [m], W_dec [m, d], b_pre [d];
                    then jumprelu: threshold [m]; gated: r_mag [m], b_mag [m]
heldout/WORLD.bin   float32: x [n, d], directions [F, d]
path/kK.bin         float16, one snapshot after the other: W_enc, b_enc, W_dec, b_pre
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["topk", "relu", "gated", "jumprelu"]
Origin = Literal["drawn", "truth", "freed"]
"""Where a dictionary began: at random; at the true directions, which were held; or there, and then
let go."""
Evaluator = Literal["change", "order", "locate"]
State = Literal["passed", "failed", "stale", "not_run"]
Support = Literal["reviewed", "caveat", "not_reviewed", "stale"]
Operation = Literal["passing", "failing", "stale", "not_run"]
WitnessKind = Literal["equation", "code", "demo", "claim", "measured"]


class Recorded(BaseModel):
    """A file of the page."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )


class WorldFacts(Recorded):
    """A world whose features are known."""

    d: int
    """Width of an activation."""
    F: int
    """Features."""
    m: int
    """Latents of the dictionaries trained on it."""
    k_star: int
    """Features on a token: exactly, or the whole number nearest to their mean."""
    noise: float
    about: str


class Metric(Recorded):
    """What a number means."""

    definition: str
    better: str
    source: str


class Provenance(Recorded):
    """Where the recorded numbers come from."""

    key: str
    """Of the code that says what is trained and measured."""
    probe: dict[str, dict[str, float]]
    """What some short runs came to, to be compared with what they come to now."""
    versions: dict[str, str]
    commit: str
    made: str
    seconds: float
    recipe: dict[str, int]
    """How much was trained: `unmix.learn.recipe.Recipe`."""
    worlds: dict[str, WorldFacts]
    metrics: dict[str, Metric]


class Numbers(Recorded):
    """Scores of a dictionary against the truth; null where one is not defined."""

    nmse: float
    """FVU: fraction of variance unexplained."""
    l0: float
    mcc: float
    f1: float
    gamma: float
    """Relative bias."""
    slope: float | None
    offset: float | None
    """Mean signed error of acts whose latent has a partner."""
    alive: int
    """Latents that fire at all."""
    absorption: float | None
    absorption_off: float | None
    """The parent's latent silent while the parent is on without that child."""
    lean: float | None


class GridRun(Numbers):
    """One dictionary that was trained."""

    id: str
    """Of world, settings and seed; the run's address on the page."""
    world: str
    kind: Kind
    setting: float
    """`k` of topk, the weight of the penalty of the others (in the units of the world)."""
    seed: int
    origin: Origin
    steps: int
    read_time: dict[str, float] | None
    """topk: FVU when it is read with another `k` than it was trained with."""
    weights: str | None
    heldout: Numbers | None
    """The same scores on the tokens of `heldout/`, for runs with weights."""


class Grid(Recorded):
    """Every recorded run."""

    runs: list[GridRun]
    from_truth: list[GridRun]
    """Of `tree`: those that began at the truth, `truth` and `freed`, for every budget and seed."""


class Listed(Recorded):
    """Tokens of a world that no run learnt from, and what they are made of."""

    n: int
    d: int
    F: int
    parents: list[int]
    """-1 for a feature without one."""
    offsets: list[int]
    features: list[int]
    values: list[float]


class Heldout(Recorded):
    """The tokens that lie beside the page, world by world."""

    flat: Listed
    tree: Listed


class Snapshot(Recorded):
    """A moment of training that began at the truth."""

    step: int
    nmse: float
    mcc: float
    f1: float
    absorption_on: float | None
    """Parent's latent silent while parent and child are on."""
    absorption_off: float | None
    """The same while the parent is on alone."""
    lean: float | None


class Budget(Recorded):
    """Training from the truth with one budget."""

    weights: str
    dtype: Literal["float16"]
    snapshots: list[Snapshot]
    """Of the first seed; `grid.json` has the first and last moment of every seed."""
    id: str
    """Of the run in `grid.json` that it ends with."""


class Coder(Recorded):
    """FVU with the best choice of `k` latents that an exhaustive coder finds, encoder left out."""

    truth: float
    learned: float
    k: int
    n: int
    """Tokens."""


class Path(Recorded):
    """Training away from the true dictionary."""

    world: str
    budgets: dict[str, Budget]
    perfect_coder: Coder


class Listing(Recorded):
    """A listing that ran, and what came of it."""

    id: str
    source_sha256: str
    source_text: str
    argv: list[str]
    stdout: str
    exit: int
    metrics: dict[str, float]
    versions: dict[str, str]
    commit: str
    started: str
    seconds: float


class Parameters(Recorded):
    """Parameters of a dictionary as flat lists."""

    W_enc: list[float]
    b_enc: list[float]
    W_dec: list[float]
    b_pre: list[float]
    threshold: list[float] | None = None
    r_mag: list[float] | None = None
    b_mag: list[float] | None = None


class Trained(Recorded):
    """Some steps of training: where they began, and where they led."""

    kind: Kind
    k: int
    weight: list[float]
    """Of the penalty, step by step; empty for topk."""
    beta1: float
    clip: float
    lr: list[float]
    start: Parameters
    after: dict[str, Parameters]


class Coded(Recorded):
    """Acts of one kind of dictionary on the samples."""

    kind: Kind
    k: int
    weights: Parameters
    acts: list[float]


class Parity(Recorded):
    """What the page's kernel must reproduce."""

    tolerance: float
    d: int
    m: int
    n: int
    batches: list[list[float]]
    train: list[Trained]
    samples: list[float]
    codes: list[Coded]


class RealPoint(Recorded):
    """A dictionary on a real model, on documents it never saw."""

    name: str
    kind: str
    k: float
    latents: int
    seed: int
    l0: float
    fvu: float
    fvu_low: float | None
    """95 % interval by document."""
    fvu_high: float | None
    ce: float | None
    """Cross-entropy of the model with the dictionary in its place."""
    gamma: float | None


class Real(Recorded):
    """The trade on a real model; `state` is `not_run` where no run was recorded."""

    state: Literal["measured", "not_run"]
    model: str = ""
    site: str = ""
    tokens: int = 0
    """Held-out tokens."""
    original_ce: float | None = None
    points: list[RealPoint] = []


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
    among: dict[str, Place] = {}
    """order: the places that are compared, by option."""
    largest: bool = True
    """order: whether the winner is the largest, or the smallest."""
    at: Place | None = None
    """locate: where the number is read."""
    bins: list[Bin] = []
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
    hints: list[str] = []
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
    sources: list[str] = []
    evidence: list[str] = []
    """Keys of other things to look at."""
    resolves: list[str]
    """What would settle a question about it."""


class Things(Recorded):
    """Everything that has an address."""

    objects: list[Thing]


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
