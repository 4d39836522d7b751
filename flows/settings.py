"""Every knob of the pipeline: default, unit, description, environment variable.

The environment variable of a setting is ``ARTICLES_`` and its name in upper case.
Settings are read once per run and never travel into ``tasks``: flows hand over values.
"""

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    get_args,
    get_origin,
    get_type_hints,
)

from tasks.errors import SettingsError
from tasks.objects import Place, parse_place

Engine = Literal["auto", "inline", "processes", "dask", "ray"]
Detector = Literal["fused", "langdetect"]

PREFIX = "ARTICLES_"
"""What the environment variables of the settings begin with."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class Knob(NamedTuple):
    """What is to be known of a setting besides its name, type and default.

    Attributes:
        unit: Unit of the value.
        description: One sentence, for the README and ``--help``.
        least: Smallest value of a number.
    """

    unit: str
    description: str
    least: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one run; see ``settings_table`` for the list."""

    raw_dir: Annotated[Place, Knob("folder or URL", "Raw files; only ever read.")] = (
        Path("raw")
    )
    warehouse_dir: Annotated[
        Place,
        Knob(
            "folder or URL",
            "The tables. Locks and earlier snapshots lie beside it, in `.<its name>/`.",
        ),
    ] = Path("warehouse")
    cache_dir: Annotated[
        Path,
        Knob(
            "folder",
            "Copies of the tables that lie on object storage. Read from the environment"
            " only: each machine has its own.",
        ),
    ] = Path("~/.cache/article-pipeline")
    ignore: Annotated[
        tuple[str, ...],
        Knob(
            "patterns",
            "Files that are not articles: shell patterns for the path, `**/` for any"
            " folder, separated by commas.",
        ),
    ] = ("README.md",)
    max_file_bytes: Annotated[
        int,
        Knob(
            "bytes",
            "Larger files are rejected as `too_large`, before or after decompression;"
            " of JSONL, which may be of any size, lines of more characters.",
            least=1,
        ),
    ] = 50_000_000
    max_decompression_ratio: Annotated[
        int,
        Knob(
            "ratio",
            "Files that unpack to more than this, and to more than 1 MB, are rejected"
            " as `decompression_bomb`.",
            least=1,
        ),
    ] = 200
    detector: Annotated[
        Detector,
        Knob(
            "name",
            "Language detector: `fused` (langdetect's profiles and ELD, deterministic)"
            " or `langdetect` (the package as it is).",
        ),
    ] = "fused"
    engine: Annotated[
        Engine,
        Knob(
            "name",
            "Where batches run: `inline` (this process), `processes` (all cores),"
            " `auto` (processes once there is enough work for them), `dask` or `ray`"
            " (extras of the package; see docs/scale.md).",
        ),
    ] = "auto"
    engine_address: Annotated[
        str,
        Knob(
            "address",
            "Where the engine `dask` or `ray` runs already, such as `tcp://HOST:8786`"
            " or `ray://HOST:10001`; empty: on this machine, for the run.",
        ),
    ] = ""
    workers: Annotated[
        int,
        Knob(
            "processes",
            "Worker processes; 0: one per core. With `engine_address` the cluster has"
            " its own, and this only says into how many shares to cut little work.",
        ),
    ] = 0
    batch_bytes: Annotated[
        int,
        Knob(
            "bytes",
            "Text per batch, aiming at 5 to 20 s of work; of HTML four times as many"
            " bytes. A larger file is worked on in pieces of so much text: this bounds"
            " the memory of a worker.",
            least=1,
        ),
    ] = 8_000_000
    batch_files: Annotated[int, Knob("files", "Files per batch, at most.", least=1)] = (
        5_000
    )
    keep_snapshots: Annotated[
        int,
        Knob(
            "snapshots",
            "Earlier snapshots kept for rollback; they share their files.",
        ),
    ] = 5
    keep_days: Annotated[
        int,
        Knob(
            "days",
            "Earlier snapshots that were replaced longer ago go as well, whatever their"
            " number; 0: no limit.",
        ),
    ] = 0
    warn_drift_percent: Annotated[
        int,
        Knob(
            "percent",
            "A run warns if its articles differ by more from those of the last ten runs"
            " (rejects, titles, dates, length, languages); 0: never.",
        ),
    ] = 25
    refuse_drift_percent: Annotated[
        int,
        Knob(
            "percent",
            "A run that differs by more fails and publishes nothing; 0: never.",
        ),
    ] = 0
    alert_command: Annotated[
        str,
        Knob(
            "command",
            "Run when a run fails, crashes or warns, with the message on its standard"
            " input; empty: none. Read from the environment only, for it may hold a"
            " password.",
        ),
    ] = ""
    write_report: Annotated[
        bool,
        Knob("yes/no", "Publish the page `report.html` with the tables."),
    ] = True
    wait_for_lock: Annotated[
        bool,
        Knob(
            "yes/no",
            "Wait while another run writes to the same warehouse, or refuse at once.",
        ),
    ] = True


RESULT_SETTINGS = ("detector",)
"""Settings that change every row; a new value reads every file again.

``ignore`` and the limits concern some files only: see ``plan.make_plan``.
"""

_RESULT_SETTINGS_OF_1 = (
    "ignore",
    "max_file_bytes",
    "max_decompression_ratio",
    "detector",
)


UNTOLD_SETTINGS = ("alert_command", "cache_dir")
"""Settings that may hold a password or concern one machine: neither in Prefect's UI nor
in ``runs``."""


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
    known = {variable(name) for name in types}
    if unknown := sorted(k for k in environ if k.startswith(PREFIX) and k not in known):
        raise SettingsError(
            f"environment variable {unknown[0]}",
            "there is no such setting",
            f"Unset it, or use one of {', '.join(sorted(known))}.",
        )
    given: dict[str, Any] = {}
    for name, kind in types.items():
        value, place = overrides.get(name), f"setting {name!r}"
        if value is None:
            value = environ.get(variable(name))
            place = f"environment variable {variable(name)}"
        if value is None:
            continue
        try:
            given[name] = _parse(value, kind, _knobs()[name].least)
        except ValueError as error:
            default = _shown(getattr(Settings(), name))
            raise SettingsError(
                place,
                f"{str(value)!r} cannot be used: {error}",
                f"Give another value, or none for the default {default}.",
            ) from error
    settings = Settings(**given)
    if settings.engine == "auto" and settings.engine_address:
        raise SettingsError(
            "setting 'engine_address'",
            f"{settings.engine_address!r} is the address of a cluster, and the setting"
            " 'engine' does not say of which",
            "Set engine to dask or ray.",
        )
    return settings


def _knobs() -> dict[str, Knob]:
    """Return what is noted of each setting, by name."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}


def _parse(value: object, kind: object, least: int) -> object:
    """Turn text (or a value already of the right type) into a setting's type."""
    text = str(value).strip()
    if get_origin(kind) is Literal:
        if value not in (choices := get_args(kind)):
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value
    if get_origin(kind) is tuple:
        parts = value if isinstance(value, list | tuple) else text.split(",")
        return tuple(part.strip() for part in parts if part.strip())
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError("must be yes or no")
        return text.lower() in _TRUE
    if kind is str:
        return text
    if kind is int:
        return _parse_count(text, least)
    return Path(text) if kind is Path else parse_place(str(value))


def _parse_count(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError("must be a whole number") from None
    if number < least:
        raise ValueError(f"must be {least} or more")
    return number


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
        >>> print(settings_table().splitlines()[1])
        |---|---|---|---|---|
    """
    lines = [
        "| setting | default | unit | environment variable | meaning |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | `{_shown(getattr(Settings(), name))}` | {knob.unit}"
        f" | `{variable(name)}` | {knob.description} |"
        for name, knob in _knobs().items()
    ]
    return "\n".join(lines) + "\n"


def describe_setting(name: str) -> str:
    """Return the description of a setting, for ``--help``."""
    return _knobs()[name].description


def settings_parameters(settings: Settings) -> dict[str, Any]:
    """Return the settings by name, as the flow takes them; not the untold ones."""
    values = dataclasses.asdict(settings)
    return {name: v for name, v in values.items() if name not in UNTOLD_SETTINGS}


def settings_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that give a child process these settings.

    Examples:
        >>> settings_environment(Settings())["ARTICLES_WAIT_FOR_LOCK"]
        'yes'
    """
    values = settings_parameters(settings)
    return {variable(name): _shown(value) for name, value in values.items()}


def settings_json(settings: Settings) -> str:
    """Return the settings as JSON, for the column ``runs.settings``."""
    return json.dumps(settings_parameters(settings), default=str, sort_keys=True)


def fingerprint(settings: Settings) -> str:
    """Name the settings that every row depends on.

    Returns:
        16 hex digits. A warehouse made under another name is made anew.
    """
    return _digest(settings, RESULT_SETTINGS, {})


def fingerprint_of_1(settings: Settings) -> str:
    """Name the settings as a warehouse of schema 1 does, which had just one version."""
    return _digest(settings, _RESULT_SETTINGS_OF_1, {"pipeline": "0.1.0", "schema": 1})


def _digest(
    settings: Settings, names: tuple[str, ...], versions: dict[str, object]
) -> str:
    values = {name: getattr(settings, name) for name in names}
    text = json.dumps([values, versions], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prepare_environment(environ: MutableMapping[str, str] | None = None) -> None:
    """Set what Prefect reads when it is imported; what the user has set stays.

    No telemetry; time enough for the temporary server's first start (38 s measured
    on a fresh home); on the terminal only warnings, as the command line shows progress
    itself (the log in Prefect's UI stays complete, and has what the steps log). Where
    Prefect's home cannot be written, a temporary one.

    Args:
        environ: Environment; ``os.environ`` if not given.
    """
    environ = os.environ if environ is None else environ
    for name, value in {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,flows",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }.items():
        environ.setdefault(name, value)
    home = Path(environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
        is_usable = os.access(home, os.W_OK)
    except (OSError, RuntimeError):
        is_usable = False
    if not is_usable:  # a service without a home, a container that may not write
        environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="articles-prefect-")
