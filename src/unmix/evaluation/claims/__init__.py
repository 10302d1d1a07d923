"""Executable claims: statements on sparse dictionaries, each a small run with a rule.

A claim trains on a world whose features are known, or on a language model, once a seed, and names
some numbers.  Its rules say how much of each there must be.  A claim holds if every rule holds in
*every* seed; by luck, without an effect, five seeds agree one time in 32.  What does not come out
is shown with its numbers like the rest.

Numbers are kept in a file a claim, under a key made of all that they depend on: the claim's own
code, the code that trains and measures, and the version of torch.  What is stale is run again.

    claim.py     a claim, its rules, and what came of them
    record.py    numbers on disk, under their key
    language.py  activations, runs and losses of the language model that two claims are on
    show.py      what came out, in a terminal and on a page
    run.py       all claims, some at a time: `python -m unmix.evaluation.claims.run`

    shrinkage.py  bias.py  variable.py  larger_k.py  small_l0.py  absorption.py  from_truth.py
    matryoshka.py  hedging.py  width.py  dead.py  controls.py  seeds.py  identities.py
    disconnect.py  toy.py  read_more.py  multi.py  random_model.py  frontier.py
"""
