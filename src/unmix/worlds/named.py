"""Every world by its name."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from unmix.errors import UserError
from unmix.worlds import small
from unmix.worlds.superposition import elhage
from unmix.worlds.synth import synth
from unmix.worlds.world import World

WORLDS: Mapping[str, Callable[..., World]] = {
    "toy": small.toy,
    "plane": small.plane,
    "cube": small.corners,
    "flat": small.flat,
    "tree": small.tree,
    "nabeshima": small.nabeshima,
    "absorption": small.absorption,
    "hedging": small.hedging,
    "correlated": small.correlated,
    "pair": small.pair,
    "shrinkage": small.shrinkage,
    "superposed": small.superposed,
    "elhage": elhage,
    "sharkey": small.sharkey,
    "sanity": small.sanity,
    "synth": synth,
}
"""What makes each world; from the smallest picture to the largest."""


def world(name: str, **settings: Any) -> World:
    """Return a world by its name, changed by the settings its function takes.

    Raises:
        UserError: No such world, or no such setting of it.
    """
    if name not in WORLDS:
        raise UserError(f"there is no world `{name}`; there are {', '.join(WORLDS)}")
    known = signature(WORLDS[name]).parameters
    odd = [key for key in settings if key not in known]
    if odd:
        there = ", ".join(known) or "none"
        raise UserError(f"the world `{name}` has no setting `{odd[0]}`; it has {there}")
    return WORLDS[name](**settings)
