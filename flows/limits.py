"""How much of a raw file is read, as the settings say."""

from flows.settings import Settings
from tasks.read import Limits


def limits_of(settings: Settings) -> Limits:
    """Return how much of a file is read."""
    return Limits(
        settings.max_file_bytes, settings.max_decompression_ratio, settings.batch_bytes
    )
