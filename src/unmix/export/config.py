"""What an export may be told: how much of a latent is written, and what things are called.

Nothing here imports more than configs need, so that `unmix export --help` is quick.
"""

from typing import final

from pydantic import Field

from unmix.config import Config

CREATOR = "clkht01d40000jv08hvalcvly"
"""The user rows belong to in an installation of Neuronpedia that has made no other."""


@final
class SiteConfig(Config):
    """How much of each latent `site` writes."""

    top: int = Field(default=20, ge=1)
    """Strongest examples of a latent, one a document; and as many wherever they are."""
    interval: int = Field(default=5, ge=0)
    """Examples from each of ten intervals between zero and the largest act."""
    tokens: int = Field(default=5, ge=0)
    """Tokens of a latent for which there are examples of their own."""
    token: int = Field(default=5, ge=0)
    """Examples of each of them."""
    misses: int = Field(default=20, ge=0)
    """Places where its rule predicts a latent and it is silent."""
    window: int = Field(default=24, ge=1, le=200)
    """Tokens of text on each side of a peak."""
    seed: int = Field(default=0, ge=0)
    """Decides which examples of an interval are drawn."""


@final
class DashboardConfig(Config):
    """How much of each latent `neuronpedia` and `saedashboard` write."""

    top: int = Field(default=20, ge=1)
    """Strongest examples of a latent, one a document."""
    interval: int = Field(default=5, ge=0)
    """Examples from each of five intervals of acts."""
    window: int = Field(default=32, ge=1, le=512)
    """Tokens of text on each side of a peak."""
    seed: int = Field(default=0, ge=0)
    """Decides which examples of an interval are drawn."""
    vectors: bool = True
    """Write the directions, with which one can steer."""
    labels: bool = False
    """Write the rule of a latent as an explanation of it (neuronpedia)."""


@final
class NamesConfig(Config):
    """What things are called by `neuronpedia` and `saedashboard`."""

    model: str | None = None
    """Id of the model there; by default its own name."""
    set: str | None = None
    """Name of the set of dictionaries, one a layer."""
    release: str | None = None
    """Name of what is published together (neuronpedia)."""
    creator: str = "unmix"
    """Who made it, as it is shown (neuronpedia)."""
    creator_id: str = CREATOR
    """Id of a user of that installation (neuronpedia)."""
    url: str | None = None
    """Where more is told (neuronpedia)."""
