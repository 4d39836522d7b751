"""Every error this pipeline raises on purpose.

* PipelineError
  - ContractError    a table does not match ``tasks/schema.py``
  - WarehouseError   the warehouse could not be read or replaced; the old one is intact
  - SettingsError    a setting or an argument cannot be used
  - UnreadableError  an object of a store may not be read, others may

One bad article is not an error: it becomes a row of ``sources`` with its reason.
"""

import errno

FIX_STEP = "Fix the step that made these rows."
"""What to do about rows that break their contract."""

_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class PipelineError(Exception):
    """Base of them all; the command line prints it on one line, without traceback.

    Attributes:
        place: Table, folder or setting concerned, e.g. ``"paragraphs"``.
        problem: What is wrong, with the expected and the actual value.
        remedy: What the reader can do next, as one imperative sentence.
    """

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        # All arguments reach `args`, so the error survives pickling between workers.
        super().__init__(place, problem, remedy)
        self.place, self.problem, self.remedy = place, problem, remedy

    def __str__(self) -> str:
        """Return place, problem and remedy as one line."""
        return f"{self.place}: {self.problem}. {self.remedy}"


class ContractError(PipelineError):
    """A table does not match its contract. A bug in a step: never retried."""


class WarehouseError(PipelineError):
    """The warehouse could not be read or replaced. May pass on a retry."""


class SettingsError(PipelineError):
    """A setting or an argument cannot be used. Never retried."""


class UnreadableError(PipelineError):
    """An object of a store may not be read, or lies in an archive; others may be."""


def refuse_scarcity(error: OSError, place: str) -> None:
    """Raise, if the machine had no more files or memory to give.

    No file is to blame for that: taken for unreadable, its rows would leave the tables.

    Args:
        error: What opening or listing something failed with.
        place: What it was.

    Raises:
        PipelineError: It was for lack of open files or memory.
    """
    if error.errno in _SCARCE:
        raise PipelineError(
            place,
            f"cannot be opened: {error.strerror}",
            "Raise the limit (`ulimit -n` for open files) or lower the setting workers,"
            " then run again; the old tables are intact.",
        ) from error
