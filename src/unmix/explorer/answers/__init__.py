"""A view -> the objects of `unmix.explorer.api`; one subject a file, nothing of HTTP.

run.py       what is being looked at
table.py     all latents: tables, columns, selections
latent.py    one latent
examples.py  where it fires, and where its rule says it should
search.py    by words, by token, by direction
slices.py    parts of the corpus, and what differs between two
compare.py   two dictionaries
"""
