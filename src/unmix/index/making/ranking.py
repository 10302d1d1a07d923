"""The few largest of many, kept in order."""

from typing import no_type_check

from unmix.dictionaries.kernels.compile import kernel


@kernel
@no_type_check
def insert(keys, sizes, n, key, size):
    """Put a key among the `n` largest so far, largest first, of equals the lower key first.

    What no longer fits falls out.  Return how many there are now.
    """
    most = len(keys)
    if n == most and (size < sizes[n - 1] or (size == sizes[n - 1] and key > keys[n - 1])):
        return n
    place = min(n, most - 1)
    while place > 0 and (
        size > sizes[place - 1] or (size == sizes[place - 1] and key < keys[place - 1])
    ):
        keys[place], sizes[place] = keys[place - 1], sizes[place - 1]
        place -= 1
    keys[place], sizes[place] = key, size
    return min(n + 1, most)
