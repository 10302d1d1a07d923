"""What may be asked of the model, and how much of it.  Checked before the model is bothered."""

import re
from typing import Annotated, Literal, TypeAlias, final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from unmix.config import Config, validate
from unmix.errors import UserError
from unmix.explorer.api import Intervention

TEXT_BYTES = 2**16
"""Bytes of a text in UTF-8."""
TOKENS = 2000
"""Tokens of a text."""
INTERVENTIONS = 8
"""Interventions at once."""
STRENGTHS = 12
"""Points of a dose-response curve."""
GENERATED = 200
"""Tokens written at once."""
POSITIONS = 20
"""Positions of the index asked for at once."""

Name: TypeAlias = Literal["read", "compare", "shorten", "effect", "generate", "ablate", "check"]


def _whole(value: object) -> object:
    """Put the replacement character where half of a surrogate pair stands alone."""
    return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else value


def _short(value: str) -> str:
    size = len(value.encode())
    if size > TEXT_BYTES:
        raise ValueError(
            f"the text has {size // 1024:,} kB and the limit is {TEXT_BYTES // 1024} kB; shorten it"
        )
    return value


Text = Annotated[str, BeforeValidator(_whole), AfterValidator(_short)]
Latent = Annotated[int, Field(ge=0)]
Interventions = Annotated[list[Intervention], Field(min_length=1, max_length=INTERVENTIONS)]
Positions = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=POSITIONS)]
Strength = Annotated[float, Field(ge=-1e4, le=1e4)]


@final
class Read(Config):
    """What does every latent do on a text?"""

    text: Text


@final
class Compare(Config):
    """Which latents tell two texts apart?"""

    a: Text
    b: Text


@final
class Shorten(Config):
    """Which context does a latent need?  Of a text, or of a position of the index."""

    latent: Latent
    text: Text | None = None
    position: int | None = Field(default=None, ge=0)
    token_index: int | None = Field(default=None, ge=0)
    """Token of the text, as `read` numbers them; by default where the latent is strongest."""
    keep: float = Field(default=0.8, gt=0, le=1)
    """Share of the act that must remain."""

    @model_validator(mode="after")
    def _one(self) -> "Shorten":
        """Refuse what names two contexts, or none."""
        if (self.text is None) == (self.position is None):
            raise ValueError("give either `text` or `position`")
        if self.position is not None and self.token_index is not None:
            raise ValueError("`token_index` goes with `text`; a `position` is one token already")
        return self


@final
class Steer(Config):
    """What do interventions do to the next token?"""

    text: Text
    interventions: Interventions
    strengths: Annotated[list[Strength], Field(max_length=STRENGTHS)] | None = None
    """Points of the curve; by default five around the strength given.  None are tried if empty."""


@final
class Generate(Config):
    """What does the model write with and without interventions?"""

    text: Text
    interventions: Interventions
    tokens: int = Field(default=40, ge=1, le=GENERATED)
    temperature: float = Field(default=0.8, ge=0, le=10)
    """Zero takes the likeliest token."""
    seed: int = Field(default=0, ge=0, lt=2**63)


@final
class Ablate(Config):
    """What does taking a latent away at single tokens of the index do?"""

    latent: Latent
    positions: Positions


@final
class Check(Config):
    """Are a latent's stored acts those the model gives now?"""

    latent: Latent
    positions: Positions


QUESTIONS: dict[str, type[Config]] = {
    "read": Read,
    "compare": Compare,
    "shorten": Shorten,
    "effect": Steer,
    "generate": Generate,
    "ablate": Ablate,
    "check": Check,
}
"""By the name they are asked under."""


def checked(question: str, payload: object) -> Config:
    """Return a question whose payload is as it should be, or say what is wrong with it."""
    if question not in QUESTIONS:
        raise UserError(f"there is no question `{question}`; there are {', '.join(QUESTIONS)}")
    return validate(QUESTIONS[question], payload, where=f"`{question}`")
