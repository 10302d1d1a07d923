"""What is recorded for the page: runs, paths, fixtures and where they come from.

The page's types are made from this, `asked.py` and `told.py` (`tools/openapi.py`).  Files lie in
`recorded/`; binary ones are little endian.

weights/NAME.bin    float32, for raw activations: W_enc [m, d], b_enc [m], W_dec [m, d], b_pre [d];
                    then jumprelu: threshold [m]; gated: r_mag [m], b_mag [m]
heldout/WORLD.bin   float32: x [n, d], directions [F, d]
path/kK.bin         float16, one snapshot after the other: W_enc, b_enc, W_dec, b_pre
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["topk", "relu", "gated", "jumprelu"]
Origin = Literal["drawn", "truth", "freed"]
"""Where a dictionary began: at random; at the true directions, which were held; or there, and then
let go."""


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
