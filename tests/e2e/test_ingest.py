"""The real flow on real files: tables, artifacts, names; inline and in processes."""

import json
import time

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, FlowRunFilter, LogFilter

from flows.conduct import ingest_plainly
from flows.ingest import ingest
from flows.progress import listening
from flows.settings import read_settings
from tasks import clean
from tasks.errors import WarehouseError
from tasks.schema import TABLES
from tasks.tables.warehouse import Warehouse

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_server"),
]

STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.

Then the older one laughed, because the whole thing had been her idea from the start.
"""
STEPS = ["read", "survey", "clean", "detect", "split", "describe", "write"]


@pytest.fixture
def raw_dir(tmp_path):
    """Eight files: six articles, an empty one and one of no known format."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for index in range(6):
        (folder / f"story-{index}.txt").write_text(f"{STORY}\nPart {index}.\n")
    (folder / "empty.txt").write_text("")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    return folder


def rows_of(warehouse_dir, name):
    """Return the rows of a table in the order of its key, without their run."""
    columns = [column for column in TABLES[name].schema.names if column != "run_id"]
    rows = Warehouse(warehouse_dir).read_table(name, columns)
    return rows.sort_by([(key, "ascending") for key in TABLES[name].key])


def task_runs():
    """Return name by name of the task runs of the last flow run, in order."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_runs(sort="EXPECTED_START_TIME_DESC", limit=1)[0]
        runs = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id={"any_": [run.id]})
        )
    return run, sorted(runs, key=lambda task_run: task_run.start_time)


def test_small_run_shows_every_step(raw_dir, tmp_path):
    """The timeline names the steps with their counts; the run says what it is about."""
    events = []
    with listening(events.append):
        summary = ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "warehouse")

    run, runs = task_runs()
    names = [task_run.name for task_run in runs]
    assert run.name == "ingest 8 files"
    assert [name.split()[0] for name in names] == [
        "discover",
        "survey",
        "process",
        *STEPS,
        "publish",
        "report",
    ]
    assert {"survey 7 files", "read 8 files"} <= {*names}
    assert "clean 6 articles" in names
    assert (summary.discovered, summary.batch.documents) == (8, 6)
    assert summary.batch.rejects == {"empty": 1, "unsupported_format": 1}
    assert {"read", "clean", "publish"} <= {event.stage for event in events}
    assert (events[-1].done_files, events[-1].all_files) == (8, 8)


def test_pieces_of_a_large_file_are_steps_of_one_batch(raw_dir, tmp_path):
    """The timeline shows each of them, and what is done with all at the end."""
    lines = [json.dumps({"text": f"{STORY} Part {index}."}) for index in range(6)]
    (raw_dir / "large.jsonl").write_text("\n".join(lines))
    settings = {"raw_dir": raw_dir, "batch_bytes": 1_000}
    summary = ingest(**settings, warehouse_dir=tmp_path / "warehouse")

    _, runs = task_runs()
    names = [task_run.name for task_run in runs]
    more = names.count("read more of 1 file")
    assert more >= 1
    assert f"write {more + 1} pieces" in names
    assert summary.batch.documents == 12
    whole = ingest_plainly(
        read_settings({}, raw_dir=raw_dir, warehouse_dir=tmp_path / "whole")
    )
    assert whole.batch.documents == 12
    for name in ("documents", "paragraphs", "evidence", "sources"):
        assert rows_of(tmp_path / "warehouse", name) == rows_of(
            tmp_path / "whole", name
        )


def test_report_is_an_artifact(raw_dir, tmp_path):
    """The run's page shows funnel, languages, rejects, quality, steps without logs."""
    ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "warehouse")

    run, _ = task_runs()
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id={"any_": [run.id]})
        )
    by_key = {artifact.key: artifact for artifact in artifacts}
    report = by_key["ingest-summary"].data
    assert "| files found | 8 |" in report
    assert "| `empty` | 1 | `empty.txt` |" in report
    assert all(f"| {step} |" in report for step in STEPS)
    assert float(by_key["ingest-progress"].data) == 100
    rejects = json.loads(by_key["ingest-rejects"].data)
    assert [(row["file"], row["reason"]) for row in rejects] == [
        ("empty.txt", "empty"),
        ("photo.jpg", "unsupported_format"),
    ]
    (laws,) = json.loads(by_key["ingest-quality"].data)
    assert laws["verdict"] == "ok"
    assert run.state.message.startswith("8 files read, 2 rejected: 6 articles")


def test_the_log_is_short(raw_dir, tmp_path):
    """However many files: some lines for the run and one for each batch."""
    options = {"engine": "processes", "workers": 2, "batch_files": 1}
    ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "warehouse", **options)

    run, _ = task_runs()
    wanted = LogFilter(flow_run_id={"any_": [run.id]})
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + 30
        logs = []
        while time.monotonic() < deadline and "Finished" not in str(logs[-1:]):
            time.sleep(0.2)  # they are sent behind the run's back
            logs = [log.message for log in client.read_logs(wanted)]

    assert "batch 8 of 8: 1 file, 0 rejected: 1 article" in str(logs)
    assert len(logs) <= 8 + 7, logs


def test_engines_give_the_same_rows(raw_dir, tmp_path):
    """Where the batches run is nobody's business but the clock's."""
    options = {"raw_dir": raw_dir, "batch_files": 3}
    ingest(**options, warehouse_dir=tmp_path / "inline", engine="inline")
    ingest(
        **options, warehouse_dir=tmp_path / "processes", engine="processes", workers=2
    )
    ingest_plainly(read_settings({}, **options, warehouse_dir=tmp_path / "plain"))

    for name in TABLES.keys() - {"runs"}:
        inline = rows_of(tmp_path / "inline", name)
        assert inline.equals(rows_of(tmp_path / "processes", name)), name
        assert inline.equals(rows_of(tmp_path / "plain", name)), name


def test_workers_share_a_large_file(tmp_path):
    """A file of lines is read by all workers at once; rows are as of one."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    story = "The ferry came in late, and the two sisters waited on the pier."
    lines = [json.dumps({"text": f"{story} {n}"}) for n in range(300)]
    lines[7::50] = ["{}"] * len(lines[7::50])
    (raw_dir / "many.jsonl").write_text("\n".join(lines))
    (raw_dir / "one.txt").write_text(story)
    options = {"raw_dir": raw_dir, "batch_bytes": 4_000}

    summary = ingest(
        **options, warehouse_dir=tmp_path / "shared", engine="processes", workers=2
    )
    ingest_plainly(read_settings({}, **options, warehouse_dir=tmp_path / "plain"))

    assert summary.processed == 2
    for name in TABLES.keys() - {"runs"}:
        shared, plain = (
            rows_of(tmp_path / place, name) for place in ("shared", "plain")
        )
        assert shared.equals(plain), name


def test_large_run_shows_batches_only(raw_dir, tmp_path, monkeypatch):
    """Beyond the limit, the steps are called as functions; rows stay the same."""
    monkeypatch.setitem(ingest.fn.__globals__, "VISIBLE_BATCHES", 3)

    ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "warehouse", batch_files=2)

    _, runs = task_runs()
    names = [task_run.name for task_run in runs]
    assert [name.split()[0] for name in names] == [
        "discover",
        *["survey"] * 4,
        *["process"] * 4,
        "publish",
        "report",
    ]
    assert "process batch 4 of 4: 2 files" in names


def test_second_run_writes_nothing(raw_dir, tmp_path):
    """Nothing new: no snapshot, no row in `runs`, every byte as before."""
    warehouse_dir = tmp_path / "warehouse"
    ingest(raw_dir=raw_dir, warehouse_dir=warehouse_dir)
    before = {path: path.stat().st_mtime_ns for path in warehouse_dir.rglob("*")}

    summary = ingest(raw_dir=raw_dir, warehouse_dir=warehouse_dir)

    assert (summary.processed, summary.unchanged, summary.snapshot) == (0, 8, None)
    assert before == {
        path: path.stat().st_mtime_ns for path in warehouse_dir.rglob("*")
    }


def test_changed_setting_reads_what_it_concerns(raw_dir, tmp_path):
    """A limit concerns the files that are larger, the detector concerns them all."""
    options = {"raw_dir": raw_dir, "warehouse_dir": tmp_path / "warehouse"}
    ingest(**options)

    summary = ingest(**options, max_file_bytes=200)

    assert summary.processed == summary.batch.rejects["too_large"] == 6
    assert len(rows_of(options["warehouse_dir"], "documents")) == 0
    summary = ingest(**options, max_file_bytes=200, detector="langdetect")
    assert summary.processed == 8


def test_article_that_breaks_a_step_is_a_reject(raw_dir, tmp_path, monkeypatch):
    """The others go on; the row keeps the error; the run is a success."""
    healthy = clean.read_drafts

    def read_drafts(articles):
        if any("Part 3" in article.raw for article in articles):
            raise ZeroDivisionError("odd text")
        return healthy(articles)

    monkeypatch.setattr(clean, "read_drafts", read_drafts)
    warehouse_dir = tmp_path / "warehouse"

    ingest(raw_dir=raw_dir, warehouse_dir=warehouse_dir, engine="inline")

    sources = rows_of(warehouse_dir, "sources").to_pandas().set_index("source_path")
    row = sources.loc["story-3.txt"]
    assert (row["status"], row["stage"], row["reason"]) == (
        "rejected",
        "clean",
        "failed",
    )
    assert "odd text" in row["detail"]
    assert len(rows_of(warehouse_dir, "documents")) == 5


def test_broken_step_fails_the_run_and_keeps_the_tables(raw_dir, tmp_path, monkeypatch):
    """A bug is not data: the run fails, readers see the old tables, nothing is left."""
    warehouse_dir = tmp_path / "warehouse"
    ingest(raw_dir=raw_dir, warehouse_dir=warehouse_dir)
    before = Warehouse(warehouse_dir).manifest()
    (raw_dir / "one.txt").write_text(STORY)
    (raw_dir / "two.txt").write_text(STORY)

    def clean_texts(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(clean, "clean_texts", clean_texts)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        ingest(raw_dir=raw_dir, warehouse_dir=warehouse_dir)

    assert before == Warehouse(warehouse_dir).manifest()
    assert list((tmp_path / ".warehouse").glob("staged-*")) == []
    run, _ = task_runs()
    assert run.state.is_failed()


def test_publishing_is_tried_again(raw_dir, tmp_path, monkeypatch):
    """A busy disk may recover: waiting is worth it here, and only here."""
    attempts = []
    healthy = Warehouse.publish

    def publish(self, *args):
        attempts.append(args)
        if len(attempts) == 1:
            error = WarehouseError("warehouse", "cannot write", "Free space.")
            raise error from OSError("busy")
        return healthy(self, *args)

    monkeypatch.setattr(Warehouse, "publish", publish)

    summary = ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "warehouse")

    assert (len(attempts), summary.snapshot) == (2, 1)


def test_run_refuses_while_another_writes(raw_dir, tmp_path):
    """One run at a time; the message names who holds the warehouse."""
    warehouse = Warehouse(tmp_path / "warehouse")
    with warehouse.lock(), pytest.raises(WarehouseError, match="is writing to it"):
        ingest(raw_dir=raw_dir, warehouse_dir=warehouse.live, wait_for_lock=False)


def test_runs_row_tells_the_run(raw_dir, tmp_path):
    """Every number shown can be queried from the tables."""
    summary = ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "warehouse")

    [row] = Warehouse(tmp_path / "warehouse").read_table("runs").to_pylist()
    run, _ = task_runs()
    assert row["run_id"] == summary.run_id
    assert row["flow_run_id"] == str(run.id)
    assert row["files_discovered"] == row["files_processed"] == 8
    assert (row["files_accepted"], row["files_rejected"]) == (6, 2)
    assert row["documents_written"] == 6
    assert [step["step"] for step in row["steps"]] == STEPS
    assert row["started_at"] <= row["ended_at"]
    assert json.loads(row["settings"])["raw_dir"] == str(raw_dir)
    assert json.loads(row["versions"])["prefect"]


def test_parameters_are_described():
    """The run form in the UI explains every field and offers choices."""
    schema = ingest.parameters.model_dump()

    for name, field in schema["properties"].items():
        assert field.get("description"), name
    engines = ["auto", "inline", "processes", "dask", "ray"]
    assert schema["properties"]["engine"]["enum"] == engines
