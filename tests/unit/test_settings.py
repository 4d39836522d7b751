"""What can be set, how, and what happens to nonsense."""

from pathlib import Path

import pytest

from flows.settings import (
    RESULT_SETTINGS,
    UNTOLD_SETTINGS,
    Settings,
    fingerprint,
    prepare_environment,
    read_settings,
    settings_json,
    settings_table,
    variable,
)
from tasks.errors import SettingsError

NAMES = list(Settings.__dataclass_fields__)


def test_defaults_need_no_environment():
    """Nothing has to be set."""
    assert Settings() == read_settings({})


def test_explicit_value_wins_over_environment_over_default():
    """The nearer a value is to the person, the more it counts."""
    environ = {"ARTICLES_WORKERS": "3", "ARTICLES_BATCH_FILES": "9"}

    settings = read_settings(environ, workers="5")

    assert (settings.workers, settings.batch_files) == (5, 9)
    assert Settings().keep_snapshots == settings.keep_snapshots


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("raw_dir", "/data/my raw", Path("/data/my raw")),
        ("max_file_bytes", "5_000", 5000),
        ("ignore", "*.bak, notes/**", ("*.bak", "notes/**")),
        ("ignore", "", ()),
        ("wait_for_lock", "No", False),
        ("wait_for_lock", "1", True),
        ("engine", "processes", "processes"),
        ("detector", "langdetect", "langdetect"),
    ],
)
def test_text_becomes_the_type_of_the_setting(name, text, value):
    """The environment holds text; settings do not."""
    assert value == getattr(read_settings({variable(name): text}), name)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("max_file_bytes", "50 MB", "whole number"),
        ("max_file_bytes", "0", "1 or more"),
        ("workers", "-1", "0 or more"),
        ("engine", "magic", "one of auto, inline, processes, dask, ray"),
        ("detector", "Fused", "one of fused, langdetect"),
        ("wait_for_lock", "perhaps", "yes or no"),
        ("raw_dir", "", "path of a folder"),
    ],
)
def test_nonsense_is_refused_by_name(name, text, problem):
    """The message names the variable, the value and what would be right."""
    with pytest.raises(SettingsError, match=problem) as caught:
        read_settings({variable(name): text})

    assert variable(name) in str(caught.value)
    assert repr(text) in str(caught.value)


def test_misspelt_variable_is_refused():
    """A setting that has no effect would be believed to have one."""
    with pytest.raises(
        SettingsError, match="ARTICLES_WORKER: there is no such setting"
    ):
        read_settings({"ARTICLES_WORKER": "2"})


def test_other_variables_are_nobodys_business():
    """Only the prefix counts."""
    assert Settings() == read_settings({"PATH": "/bin", "ARTICLE_X": "1"})


def test_table_lists_every_setting():
    """The README's table is generated, so no setting is missing."""
    lines = settings_table().splitlines()

    assert len(NAMES) + 2 == len(lines)
    for name, line in zip(NAMES, lines[2:], strict=True):
        assert line.startswith(f"| `{name}` |")
        assert variable(name) in line
        assert line.count("|") == 6


@pytest.mark.parametrize("name", NAMES)
def test_fingerprint_changes_with_results_only(name):
    """A setting that cannot change a row must not cause a rebuild, and vice versa."""
    other = {
        "raw_dir": "elsewhere",
        "warehouse_dir": "elsewhere",
        "ignore": ("*.bak",),
        "detector": "langdetect",
        "engine": "inline",
        "engine_address": "tcp://127.0.0.1:8786",
        "wait_for_lock": False,
        "write_report": False,
    }.get(name, 7)

    values = {name: other}
    if name == "engine_address":  # is nothing by itself
        values["engine"] = "dask"
    changed = read_settings({}, **values)

    assert changed != Settings()
    is_same = fingerprint(changed) == fingerprint(Settings())
    assert (name not in RESULT_SETTINGS) == is_same


def test_settings_as_json_name_all_of_them():
    """`runs.settings` says with what a run was made; but it tells no password."""
    text = settings_json(Settings(alert_command="curl https://me:secret@example.org"))

    told = {name for name in NAMES if f'"{name}"' in text}
    assert told == set(NAMES) - set(UNTOLD_SETTINGS)
    assert "secret" not in text


def test_environment_switches_telemetry_off_and_keeps_what_is_set():
    """No telemetry by default; a person's own choice stays."""
    environ = {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "5"}

    prepare_environment(environ)

    assert environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environ["DO_NOT_TRACK"] == "1"
    assert environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "5"
