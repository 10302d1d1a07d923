"""How an index is made.  `unmix.index.build` calls these in the order of the list.

subject.py     a run opened: dictionary, activations, model
plan.py        what it will take in memory and on disk, said before it starts
collect.py     the pass over the activations: each shard becomes a part
parts.py       a part on disk: codes sorted by latent, and its tokens
positions.py   tokens and documents of all parts; the four files that are about text
blocks.py      the parts merged, a block of latents at a time
statistics.py  the statistics of a block;  moments.py  their loops;  interval.py  intervals
rules.py       the rule that predicts a latent best;  classes.py  what rules are made of
labels.py      rules in words
cofiring.py    which latents fire together;  directions.py  neighbours by direction, the map
logits.py      what a direction writes to the logits
tables.py      columns to Parquet
"""
