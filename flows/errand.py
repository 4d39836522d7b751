"""What a run is sent for. Imports nothing, so that the command line starts at once."""

from typing import NamedTuple


class Errand(NamedTuple):
    """What a run is sent for; as it stands, for all that is new.

    Attributes:
        reprocess: Read every file again, changed or not.
        replay: Read only files again of which an article was rejected.
        replay_paths: Of these, only files and folders with these paths.
        replay_reasons: Of these, only files rejected for these reasons.
    """

    reprocess: bool = False
    replay: bool = False
    replay_paths: tuple[str, ...] = ()
    replay_reasons: tuple[str, ...] = ()


EVERYTHING_NEW = Errand()
"""What a run is sent for if nothing else is said."""
