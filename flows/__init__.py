"""When things happen, and in what order: flows, settings and the command line.

* ``ingest``    the Prefect flow: raw/ -> warehouse/, the whole line
* ``line``      the same line as plain functions, for one batch of files
* ``plan``      which files are new, changed or gone; how they are cut into batches
* ``settings``  every knob: default, unit, environment variable
* ``summary``   what a run found, in numbers and in Markdown
* ``terminal``  what a person sees while a run is going on, and after it
* ``progress``  how a run tells how far it is
* ``backstage`` keeps Prefect in the background of the command line
* ``paper``     how the command line prints, with ``streams`` and ``answers``
* ``reader``    the tables from Python: ``open_tables``
* ``query``, ``status``, ``explain``, ``history`` show the tables
* ``verify``    proves them, with ``laws`` and ``retrace``
* ``__main__``  the command ``articles``

Everything that touches the data itself is in ``tasks``.
"""
