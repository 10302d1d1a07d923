"""What was found, for others: a run in, a page on plain files or another library's format out.

An index
    site.py          the page of the explorer and the files it reads; `packs.py` and `leaves.py` for
                     one latent each
    neuronpedia.py   the files Neuronpedia imports; `rows.py` lists their fields
    saedashboard.py  the files SAEDashboard writes
    dashboard.py     what the last two show of a latent; `sequences.py` the text it fires on
    work.py          latents by the block, in several processes; `folder.py` where they go

A dictionary
    dictionaries.py  which library, which dictionary
    saelens.py  sparsify.py  dictionary_learning.py    its tensors under their names
    parts.py         what they have in common; `names.py` their names for sites

`config.py` has what may be set.  Reading an index, and so everything of the first list, needs no
torch.
"""
