"""Hand a page to a person: write it, say where, open it in the browser."""

import re
import tempfile
import webbrowser
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from flows.exports import replacing
from flows.paper import open_paper
from flows.places import open_place
from flows.reader import no_tables, open_tables
from flows.settings import Settings
from tasks.objects import ObjectUrl, Place
from tasks.tables.manifest import REPORT_NAME
from tasks.tables.snapshots import read_manifest
from tasks.tables.warehouse import Warehouse

_NAME_CHARS = 60


class Delivery(NamedTuple):
    """How a person gets a page.

    Attributes:
        output: File to write; null for a temporary one.
        is_open: Also open it in the browser.
    """

    output: Path | None = None
    is_open: bool = False


_TEMPORARY = Delivery()


def show_report(
    settings: Settings,
    snapshot: int | None = None,
    delivery: Delivery = _TEMPORARY,
) -> None:
    """Say where the report is; write it anew if it is asked for or missing.

    Args:
        settings: Where the tables are.
        snapshot: Number of an earlier snapshot; null for the live one.
        delivery: Where to. Without a file to write, the page that is published with
            the live tables is the one.

    Raises:
        PipelineError: There is no such snapshot, or the file cannot be written.
    """
    warehouse = open_place(settings.warehouse_dir)
    live = warehouse.manifest()
    if live is None:
        raise no_tables(settings.warehouse_dir)
    path = _published_report(settings.warehouse_dir, warehouse)
    output = delivery.output
    if not (output is None and snapshot in {None, live.snapshot} and path.exists()):
        from flows.pages.report import render_report  # noqa: PLC0415  # with its charts

        with open_tables(settings.warehouse_dir, snapshot) as tables:
            page = render_report(tables, read_manifest(tables.folder))
            path = write_page(
                page, f"report-{tables.snapshot}.html", output, settings.warehouse_dir
            )
    point_at(path, is_open=delivery.is_open)


def _published_report(place: Place, warehouse: Warehouse) -> Path:
    """Return where the report of the live tables is; of a URL, its copy here."""
    folder = warehouse.live if isinstance(place, ObjectUrl) else place
    return folder / REPORT_NAME


def show_article(
    settings: Settings,
    file: str,
    member: str | None = None,
    snapshot: int | None = None,
    delivery: Delivery = _TEMPORARY,
) -> None:
    """Write the page of a file and say where it is.

    Args:
        settings: Where the raw folder and the tables are.
        file: Path of the file from here, absolute, or as in ``source_path``.
        member: Line or item of one article; null for the whole file.
        snapshot: Number of an earlier snapshot; null for the live one.
        delivery: Where to.

    Raises:
        PipelineError: The tables do not know the file, or the page cannot be written.
    """
    from flows.pages.article import article_page  # noqa: PLC0415  # reads the raw file

    with open_tables(settings.warehouse_dir, snapshot) as tables:
        page = article_page(tables, settings, file, member)
    name = f"{_plain_name(file)}.html"
    path = write_page(page, name, delivery.output, settings.warehouse_dir)
    point_at(path, is_open=delivery.is_open)


def _plain_name(file: str) -> str:
    """Return the name of a file as any file system takes it.

    Examples:
        >>> _plain_name("raw/über: 1.txt")
        'über__1.txt'
    """
    return re.sub(r"[^\w.-]", "_", Path(file).name)[:_NAME_CHARS] or "article"


def write_page(page: str, name: str, output: Path | None, warehouse_dir: Place) -> Path:
    """Write a page.

    Args:
        page: The page.
        name: Name of a temporary file, if no other is given.
        output: The file; null for a temporary one.
        warehouse_dir: Folder where no file of somebody else may be.

    Returns:
        Path of the file.

    Raises:
        PipelineError: It cannot be written.
    """
    path = output or Path(tempfile.mkdtemp(prefix="articles-")) / name
    with replacing(path, warehouse_dir) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def point_at(path: Path, *, is_open: bool) -> None:
    """Print the path of a page; open it in the browser if asked to."""
    open_paper().say(Text(str(path)))
    if is_open and not webbrowser.open(path.resolve().as_uri()):
        open_paper(is_error=True).say("No browser was found: open the file yourself.")
