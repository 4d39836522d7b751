"""Why a file, or an article in it, becomes no document."""

from tasks.schema import Reason


class Reject(Exception):  # noqa: N818 the file is at fault, not the program
    """A file, or an article in it, that becomes no document."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail
