"""Every knob of the pipeline: default, unit, description, environment variable.

The environment variable of a setting is ``ARTICLES_`` and its name in upper case.
Settings are read once per run and never travel into ``tasks``: flows hand over values.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tasks.errors import SettingsError

Engine = Literal["auto", "inline", "processes"]
Detector = Literal["fused", "langdetect"]

PREFIX = "ARTICLES_"
"""What the environment variables of the settings begin with."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _knob(default: object, unit: str, description: str, *, least: int = 0) -> Any:
    metadata = {"unit": unit, "description": description, "least": least}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one run; see ``settings_table`` for the list."""

    raw_dir: Path = _knob(Path("raw"), "folder", "Raw files; only ever read.")
    warehouse_dir: Path = _knob(
        Path("warehouse"),
        "folder",
        "The tables. Locks and earlier snapshots lie beside it, in `.<its name>/`.",
    )
    ignore: tuple[str, ...] = _knob(
        ("README.md",),
        "patterns",
        "Files that are not articles: shell patterns for the path or the name,"
        " separated by commas.",
    )
    max_file_bytes: int = _knob(
        50_000_000,
        "bytes",
        "Larger files are rejected as `too_large`, before or after decompression.",
        least=1,
    )
    max_decompression_ratio: int = _knob(
        200,
        "ratio",
        "Files that unpack to more than this are rejected as `decompression_bomb`.",
        least=1,
    )
    detector: Detector = _knob(
        "fused",
        "name",
        "Language detector: `fused` (langdetect's profiles and ELD, deterministic) or"
        " `langdetect` (the package as it is).",
    )
    engine: Engine = _knob(
        "auto",
        "name",
        "Where batches run: `inline` (this process), `processes` (all cores) or"
        " `auto` (processes once there is enough work for them).",
    )
    workers: int = _knob(
        0, "processes", "Worker processes of the engine `processes`; 0: one per core."
    )
    batch_bytes: int = _knob(
        16_000_000,
        "bytes",
        "Raw bytes per batch, aiming at 10 to 30 s of work.",
        least=1,
    )
    batch_files: int = _knob(2_000, "files", "Files per batch, at most.", least=1)
    keep_snapshots: int = _knob(
        5, "snapshots", "Earlier snapshots kept for rollback; they share their files."
    )
    wait_for_lock: bool = _knob(
        True,  # noqa: FBT003  # a default, not an argument
        "yes/no",
        "Wait while another run writes to the same warehouse, or refuse at once.",
    )


RESULT_SETTINGS = ("ignore", "max_file_bytes", "max_decompression_ratio", "detector")
"""Settings that change what the tables hold; a new value reads every file again."""


def variable(name: str) -> str:
    """Return the environment variable of a setting.

    Examples:
        >>> variable("raw_dir")
        'ARTICLES_RAW_DIR'
    """
    return PREFIX + name.upper()


def read_settings(
    environ: Mapping[str, str] | None = None, **overrides: object
) -> Settings:
    """Combine defaults, environment and explicit values; the last one wins.

    Args:
        environ: Environment; ``os.environ`` if not given.
        overrides: Values by setting name. ``None`` means not given.

    Raises:
        SettingsError: A value cannot be used, or an ``ARTICLES_`` variable is unknown.
    """
    environ = os.environ if environ is None else environ
    types = get_type_hints(Settings)
    known = {variable(name): name for name in types}
    if unknown := sorted(k for k in environ if k.startswith(PREFIX) and k not in known):
        raise SettingsError(
            f"environment variable {unknown[0]}",
            "there is no such setting",
            f"Unset it, or use one of {', '.join(sorted(known))}.",
        )
    given: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        value: Any = overrides.get(field.name)
        place = f"setting {field.name!r}"
        if value is None:
            value = environ.get(variable(field.name))
            place = f"environment variable {variable(field.name)}"
        if value is None:
            continue
        try:
            parsed = _parse(value, types[field.name])
            if isinstance(parsed, int) and parsed < field.metadata["least"]:
                raise ValueError(f"must be {field.metadata['least']} or more")  # noqa: TRY301
        except ValueError as error:
            raise SettingsError(
                place,
                f"{value!r} cannot be used: {error}",
                f"Give another value, or none for the default {_shown(field.default)}.",
            ) from error
        given[field.name] = parsed
    return Settings(**given)


def _parse(value: Any, kind: Any) -> Any:
    """Turn text (or a value already of the right type) into a setting's type."""
    if get_origin(kind) is Literal:
        if value not in (choices := get_args(kind)):
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value
    if get_origin(kind) is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(part.strip() for part in parts if part.strip())
    if kind is bool:
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            raise ValueError("must be yes or no")
        return word in _TRUE
    if kind is int:
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ValueError("must be a whole number") from None
    if not str(value).strip():
        raise ValueError("must be the path of a folder")
    return Path(value)


def _shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:_}"
        case tuple():
            return ",".join(value)
    return str(value)


def settings_table() -> str:
    """Return the settings as a Markdown table, for the README.

    Examples:
        >>> print(settings_table().splitlines()[2])
        | `raw_dir` | `raw` | folder | `ARTICLES_RAW_DIR` | Raw files; only ever read. |
    """
    lines = [
        "| setting | default | unit | environment variable | meaning |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{field.name}` | `{_shown(field.default)}` | {field.metadata['unit']}"
        f" | `{variable(field.name)}` | {field.metadata['description']} |"
        for field in dataclasses.fields(Settings)
    ]
    return "\n".join(lines) + "\n"


def describe_setting(name: str) -> str:
    """Return the description of a setting, for ``--help`` and the run form."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    return str(fields[name].metadata["description"])


def settings_parameters(settings: Settings) -> dict[str, Any]:
    """Return the settings by name, as the flow takes them."""
    return dataclasses.asdict(settings)


def settings_json(settings: Settings) -> str:
    """Return the settings as JSON, for the column ``runs.settings``."""
    return json.dumps(settings_parameters(settings), default=str, sort_keys=True)


def fingerprint(settings: Settings, versions: Mapping[str, object]) -> str:
    """Name everything but the raw files that decides what the tables hold.

    Args:
        settings: Only ``RESULT_SETTINGS`` count.
        versions: Versions of the pipeline and of its tables.

    Returns:
        16 hex digits. A warehouse made under another name is made anew.
    """
    values = {name: getattr(settings, name) for name in RESULT_SETTINGS}
    text = json.dumps([values, dict(versions)], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prepare_environment(environ: MutableMapping[str, str] | None = None) -> None:
    """Set what Prefect reads when it is imported; what the user has set stays.

    No telemetry; time enough for the temporary server's first start (38 s measured
    on a fresh home); on the terminal only warnings, as the command line shows progress
    itself (the log in Prefect's UI stays complete).

    Args:
        environ: Environment; ``os.environ`` if not given.
    """
    environ = os.environ if environ is None else environ
    for name, value in {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
    }.items():
        environ.setdefault(name, value)
