"""The one error a user is meant to read."""

from typing import final


@final
class UserError(ValueError):
    """Input that cannot be used: one sentence that names the thing and the remedy.

    The command line prints the sentence and exits with status 2.  Anything else that is raised
    is a mistake of ours and shows its traceback.
    """
