"""Where tables are: a folder, or a URL of object storage."""

import os
from typing import Any

from flows.settings import read_settings
from tasks.errors import SettingsError
from tasks.objects import ObjectUrl, Place, parse_place
from tasks.tables.warehouse import Warehouse


def find_place(place: str | os.PathLike[str]) -> Place:
    """Return a place that was given from Python.

    Raises:
        SettingsError: It is a URL of another kind.

    Examples:
        >>> find_place("s3://news/warehouse/")
        's3://news/warehouse'
    """
    text = os.fspath(place)
    try:
        return parse_place(text)
    except ValueError as error:
        raise SettingsError(
            f"warehouse {text!r}", str(error), "Name another place."
        ) from error


def open_place(
    place: Place,
    **options: Any,  # noqa: ANN401  # those of a warehouse
) -> Warehouse:
    """Name a warehouse wherever it is; nothing is touched yet.

    Args:
        place: A folder, or a URL.
        options: As for ``Warehouse``.
    """
    if not isinstance(place, ObjectUrl):
        return Warehouse(place, **options)
    cache_dir = read_settings().cache_dir.expanduser()
    from tasks.tables.remote import RemoteWarehouse  # noqa: PLC0415  # only for URLs

    return RemoteWarehouse(place, cache_dir, **options)
