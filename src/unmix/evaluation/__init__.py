"""A trained run -> numbers that can be trusted, and a page that shows them.

In: a run folder, the activations and the model it was trained on.  Out: `evaluation.json` and
`report.html` in that folder.

    run.py         opens a run, has everything measured, writes both files
    measure.py     what is measured, in which order
    score.py       a number with its interval; sums by document, and the bootstrap over them
    coded.py       the dictionaries of a run folder, to be measured
    candidates.py  what is measured: a dictionary, or a control in its place
    controls.py    PCA, and the dictionary trained on a model of random weights
    heldout.py     counts of tokens, and the contexts the model is run on
    fidelity.py    how well activations are rebuilt, from how many latents
    density.py     how often latents fire: dead, dense, ultralow
    splicing.py    what the model loses with a reconstruction in place; shortcut.py makes it cheap,
                   and logits.py
    examples.py    latents drawn at random, and where they fire
    result.py      all of it as one object, on disk
    table.py       the table for the terminal
    report.py      the page; marks.py its figures, cells.py its tables, explained.py its words,
                   words.py its numbers
    suite/         metrics that take longer, each kept under a key of all that decides it

Where features are known (`unmix.worlds`):

    planted.py     every score of a dictionary against the truth; truths.py says what each means
    matching.py    which latent stands for which feature;  cofiring.py  how well it tells it
    refine.py      whether acts are too small;  ceiling.py  what a probe with the answers could do
    hedging.py     what changes when latents are added
    seeds.py       all of that over seeds, beside controls, as a table
"""
