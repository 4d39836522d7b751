"""What happens to the data, one module per step.

::

    raw/ -> discover -> read -> clean -> detect -> split -> describe -> write
            files       bytes   text     languages paragraphs metadata  -> warehouse/

``survey`` looks at plain texts before ``clean``, and at those of a run before it reads:
which lines recur in a folder.

A step is a module named by its verb: constants, pure functions on one value, then one
Prefect task on the tables of one batch. Steps never import steps. Below them lie the
nouns they share, below these ``schema`` (the contract) and ``errors``.
"""
