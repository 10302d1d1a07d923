"""Lines of JSON that people write or carry about: notes and explanations."""

from unmix.errors import UserError


def refusal(what: str, error: Exception) -> UserError:
    """Return why a line is refused, in a sentence; `what` names it and what it is not."""
    why = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
    return UserError(f"{what}: {why}; mend the line, or take it out")
