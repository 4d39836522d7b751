"""Writes the report of a run; light, because every run names it before it is needed."""

import logging
from pathlib import Path

from tasks.tables.manifest import Manifest

PUBLISH_SECONDS = 4.0
"""What a run may spend on the questions of its report, while others wait for it."""

_logger = logging.getLogger(__name__)


def write_report(folder: Path, manifest: Manifest) -> str | None:
    """Return the report of a snapshot that is being published.

    No run fails for its report: what goes wrong is logged, and there is none.

    Args:
        folder: Folder of the snapshot.
        manifest: Its manifest.
    """
    try:
        from flows.pages.report import report_page  # noqa: PLC0415  # with its charts

        return report_page(folder, manifest, PUBLISH_SECONDS)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a library in Rust raises outside Exception
        _logger.warning("the tables are published without a report", exc_info=True)
        return None
