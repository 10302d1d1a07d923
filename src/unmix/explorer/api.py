"""What the server says to the page, as types: the page's own types are made from these.

Every object here is also what the static export writes to its files.  Positions, latents and
tokens are numbers of the index (`unmix.index.schema`).  It is one long file of declarations on
purpose: everything that crosses from server to page, in the order in which it is met there.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

How = Literal["top", "range", "interval", "token", "document"]
"""Which examples: the strongest (a document each), spread over the range, from one interval of
acts, with one token at the peak, or the strongest tokens wherever they are."""


class Answer(BaseModel):
    """Base of everything that is sent: what is not declared is not sent."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="null"
    )


# ---------------------------------------------------------------- the run


class ColumnInfo(Answer):
    """A statistic every latent has."""

    name: str
    label: str
    unit: str
    about: str
    is_number: bool
    low: float | None = None
    """Least finite value; None for text."""
    high: float | None = None


class SliceKey(Answer):
    """A kind of metadata that documents have, with the values there are."""

    key: str
    """`source`, `split`, or a field of the metadata."""
    values: list[str]
    """Most frequent first, at most 50."""


class RunInfo(Answer):
    """What is being looked at."""

    name: str
    """The run's folder."""
    dictionary: str
    """Name of the dictionary, where a run has several."""
    model: str
    site: str
    kind: str
    k: float | None
    n_latents: int
    n_dead: int
    """Latents that fired on no eligible token."""
    n_tokens: int
    n_eligible: int
    n_documents: int
    context: int
    columns: list[ColumnInfo]
    slices: list[SliceKey]
    scores: list["ScoreInfo"]
    """Of the run's evaluation; empty if there is none."""
    is_live: bool
    """Whether the model can be asked: never in a static export."""
    has_umap: bool
    others: list[str]
    """Names of the other indexes opened beside this one, to compare with."""
    provenance: dict[str, str]
    """Fingerprints, versions and settings, in the reader's words."""
    fingerprint: str
    """Changes whenever the index does."""


class ScoreInfo(Answer):
    """A number of the run's evaluation, for the dictionary."""

    name: str
    value: float
    low: float | None
    high: float | None
    unit: str
    about: str


# ---------------------------------------------------------------- all latents


class Row(Answer):
    """A latent in a table."""

    latent: int
    label: str
    token: str
    """The token it fires on most, readable."""
    values: list[float | None]
    """Of the columns asked for, in their order."""
    tags: list[str] = Field(default_factory=list)


class Table(Answer):
    """Some latents in an order."""

    total: int
    """Latents that satisfy the query."""
    columns: list[str]
    rows: list[Row]


# ---------------------------------------------------------------- one latent


class Piece(Answer):
    """A piece of text: one token, or the tokens of one character."""

    text: str
    """As it is shown: line breaks are signs, bytes are joined to characters."""
    act: float | None
    """Largest act on it; None where it is not measured (special, massive)."""
    position: int
    token: int


class Example(Answer):
    """A stretch of text around one firing."""

    position: int
    """Of the peak."""
    act: float
    pieces: list[Piece]
    peak: int
    """Which piece the peak is."""
    document: str
    source: str
    split: str
    metadata: dict[str, str]
    similar: int
    """Further examples folded into this one because their text is nearly the same."""


class Examples(Answer):
    """Some firings of a latent."""

    latent: int
    how: How
    total: int
    """Firings that they were taken from."""
    examples: list[Example]


class Histogram(Answer):
    """Counts in bins of equal width; for acts, the exact zeros are not in it."""

    edges: list[float]
    """One more than `counts`."""
    counts: list[int]


class Effect(Answer):
    """A token and what a unit of act adds to its logit."""

    token: int
    text: str
    logit: float


class Neighbour(Answer):
    """A latent near by."""

    latent: int
    label: str
    score: float
    together: float | None
    """Share of this latent's firings on which that one fires, too; None where it is not known."""
    density: float


class TokenCount(Answer):
    """A token a latent fires on."""

    token: int
    text: str
    fired: int
    """Firings on it."""
    share: float
    """Of the token's occurrences, the share on which the latent fired."""
    mean: float
    """Mean act on it."""


class RuleInfo(Answer):
    """When the latent fires, as a rule found by counting."""

    kind: Literal["tokens", "after", "pair"]
    label: str
    parts: list[list[str | None]]
    """`[before, token]` of each alternative, readable; None stands for any."""
    precision: float
    recall: float
    f1: float
    low: float
    high: float


class SliceShare(Answer):
    """How often a latent fires on one part of the corpus."""

    key: str
    value: str
    n_tokens: int
    density: float
    low: float
    high: float
    ratio: float
    """To the density on everything else."""


class Note(Answer):
    """What the reader wrote about a latent."""

    latent: int
    text: str
    tags: list[str]
    changed: str
    """ISO time, UTC; empty if never."""


class Explanation(Answer):
    """What a language model, or a person elsewhere, said about a latent, with its scores."""

    text: str
    by: str
    scores: dict[str, float]


class Latent(Answer):
    """Everything that is known of one latent without the model."""

    latent: int
    label: str
    statistics: dict[str, float | None]
    """By column."""
    acts: Histogram | None
    """None if it never fired."""
    logits: Histogram | None
    """None where its site does not feed the unembedding."""
    up: list[Effect]
    down: list[Effect]
    tokens: list[TokenCount]
    by_direction: list[Neighbour]
    by_firing: list[Neighbour]
    rule: RuleInfo | None
    slices: list[SliceShare]
    note: Note
    explanations: list[Explanation]
    percentiles: dict[str, float]
    """By column: share of the living latents whose value is lower."""


class Miss(Answer):
    """A place where the rule predicts a firing and there is none."""

    example: Example
    """`act` is 0; the peak is the token predicted."""
    instead: list[Neighbour]
    """What fired there most; `score` is its act, `together` its cosine with this latent."""


class Misses(Answer):
    """Where a latent's rule predicts it and it is silent."""

    latent: int
    predicted: int
    """Places its rule predicts, on all documents."""
    silent: int
    misses: list[Miss]
    absorbers: list[Neighbour]
    """Latents that fire most often in its stead: `score` is the share of the silent places,
    `together` the cosine of the directions."""


# ---------------------------------------------------------------- search and slices


class Hit(Answer):
    """A latent that was found."""

    latent: int
    label: str
    why: str
    """What matched, in words."""
    score: float
    density: float


class Hits(Answer):
    """What a search found."""

    total: int
    hits: list[Hit]


class Difference(Answer):
    """A latent that fires more on one slice than on another."""

    latent: int
    label: str
    density_a: float
    density_b: float
    log_ratio: float
    """log2 of the ratio, each count raised by a half."""
    q: float
    """False discovery rate at which it would still be called different (Benjamini-Hochberg)."""


class Differences(Answer):
    """Which latents differ between two slices."""

    a: str
    b: str
    n_a: int
    n_b: int
    tested: int
    rows: list[Difference]


# ---------------------------------------------------------------- two dictionaries


class Match(Answer):
    """A latent and its best counterparts in another dictionary."""

    latent: int
    label: str
    density: float
    others: list[Neighbour]
    """In the other dictionary: `score` is the cosine of the directions, `together` the Jaccard
    index of firings where both were indexed on the same tokens, else None."""
    kind: Literal["matched", "split", "unmatched"]


class Comparison(Answer):
    """How two dictionaries correspond."""

    other: str
    n_other: int
    matched: int
    split: int
    unmatched: int
    mean_cosine: float
    """Of the one-to-one assignment (PW-MCC)."""
    share_matched: float
    """Share of latents whose assigned counterpart has a cosine of at least 0.7."""
    histogram: Histogram
    """Of each latent's best cosine."""
    rows: list[Match]


# ---------------------------------------------------------------- with the model


class Fired(Answer):
    """A latent at one token of a prompt."""

    latent: int
    label: str
    act: float
    share: float
    """Of the squared length of what is rebuilt there, less the bias."""
    logit: float | None
    """Act times its direct effect on the logit of the token that follows."""


class PromptToken(Answer):
    """One token of a prompt, read by model and dictionary."""

    text: str
    token: int
    is_measured: bool
    """False for special tokens and tokens of massive norm."""
    norm: float
    """Of the activation."""
    error: float
    """Of the reconstruction, over the norm of the activation less the mean."""
    explained: float
    """1 less the squared error over the squared distance from the mean activation."""
    loss: float | None
    """-log p of this token given those before, in nats; None for the first."""
    loss_spliced: float | None
    """The same with the reconstruction in place of the activations."""
    fired: list[Fired]
    """Strongest first."""


class Reading(Answer):
    """A prompt as model and dictionary read it."""

    tokens: list[PromptToken]
    explained: float
    """Share of variance explained over all measured tokens of the prompt."""
    loss: float | None
    loss_spliced: float | None
    strongest: list[Fired]
    """Largest act of each latent over the prompt; strongest first, at most 200."""
    seconds: float


class Riser(Answer):
    """A latent that two texts do not share."""

    latent: int
    label: str
    a: float
    """Largest act in the first text."""
    b: float
    difference: float


class TwoReadings(Answer):
    """Two texts side by side."""

    a: Reading
    b: Reading
    pairs: list[tuple[int | None, int | None]]
    """Tokens of `a` and `b` aligned; None where one has no counterpart."""
    rows: list[Riser]
    """Greatest difference first."""


class Shortened(Answer):
    """The shortest context that keeps a latent on, and what each token before is worth."""

    tokens: list[str]
    act: float
    """With everything."""
    kept_from: int
    """Index of the first token of the shortest ending that keeps at least `keep` of the act."""
    kept_act: float
    without: list[float]
    """Act at the same token with that one token left out; `act` where that was not tried."""
    tried_from: int
    """Index of the first token that was left out once; tokens before it were not, to save time."""


class Change(Answer):
    """One token's probability, before and after."""

    token: int
    text: str
    before: float
    after: float
    logit: float
    """Change of its logit, less the mean change."""


class Dose(Answer):
    """One strength of an intervention."""

    strength: float
    kl: float
    """KL(before || after) of the next-token distribution, nats, mean over the positions."""
    kl_random: float
    """The same for a random direction of the same length: the control."""
    kl_random_low: float
    kl_random_high: float
    loss: float | None
    """Mean loss over the rest of the text, in nats."""


class EffectOf(Answer):
    """What an intervention does to the next token."""

    changes: list[Change]
    """Greatest change of probability first, at most 30."""
    kl: float
    curve: list[Dose]
    seconds: float


class Generated(Answer):
    """A continuation with and without the intervention."""

    plain: list[str]
    """Tokens, readable."""
    changed: list[str]
    seed: int
    seconds: float


class TokenEffect(Answer):
    """What taking a latent away does at one token of an example, through the rest of the model."""

    position: int
    loss: float | None
    """Change of the next token's loss, nats; None where the document ends with this token."""
    kl: float


class Checked(Answer):
    """A stored act, and the act computed now."""

    position: int
    stored: float
    now: float
    difference: float
    """Relative."""
    agrees: bool
    """Within what the precision of the store explains."""


class Intervention(BaseModel):
    """What to do with one latent at every token of a text."""

    model_config = ConfigDict(extra="forbid")

    latent: int = Field(ge=0)
    mode: Literal["ablate", "clamp", "add", "project"]
    """`ablate`: take its contribution away; `clamp`: set its act to `strength`; `add`: add
    `strength` times its unit direction; `project`: remove the direction from the activation and
    put `strength` times it there."""
    strength: float = Field(default=0.0, ge=-1e4, le=1e4)


class Trouble(Answer):
    """What went wrong, in a sentence that says what to do."""

    error: str
