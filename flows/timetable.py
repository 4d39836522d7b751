"""The command ``articles schedule``: runs by the clock, shown in Prefect's UI.

Prefect keeps the schedule; this process carries the runs out. It brings what is
missing: a server with its UI, and the deployment of this warehouse.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    FlowRun,
    StateType,
)
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectException
from prefect.runner import Runner
from prefect.schedules import Cron, Interval, Schedule
from prefect.types.entrypoint import EntrypointType
from rich.text import Text
from tzlocal import get_localzone_name

from flows.duty import hold_interrupts, hold_post, parse_duration
from flows.ingest import ingest
from flows.paper import Paper, open_paper
from flows.server import Server, open_server
from flows.settings import Settings, settings_parameters
from tasks.errors import PipelineError, SettingsError
from tasks.objects import Place

_LEAST_SECONDS = 10  # starting a run takes seconds
_GRACE_SECONDS = 60  # after which the place of a run that never began is free again
_LOOK = timedelta(seconds=2)
_FAREWELL = timedelta(seconds=6)
_MISSED = timedelta(seconds=60)  # later than this after its time a run was missed
_NOTICED_RUNS = 200  # the most the server returns at once
_NO_NAME = re.compile(r"[^\w.-]")  # what the name of a deployment may not hold
_OVERLAP = "Deployment concurrency limit reached."  # Prefect's words
_BUSY = {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}
_COLOURS = {
    StateType.COMPLETED: "green",
    StateType.FAILED: "red",
    StateType.CRASHED: "red",
    StateType.CANCELLED: "yellow",
}


class Timetable(NamedTuple):
    """When runs start: one of the two is given.

    Attributes:
        cron: A cron expression, of local time.
        every: Time from one start to the next, counted from midnight.
    """

    cron: str | None
    every: timedelta | None


def read_timetable(cron: str | None, every: str | None) -> Timetable:
    """Understand when runs are to start.

    Raises:
        SettingsError: That is no cron expression or no duration.
    """
    timetable = Timetable(
        cron, parse_duration("--every", every, _LEAST_SECONDS) if every else None
    )
    _make_schedule(timetable)
    return timetable


def _make_schedule(timetable: Timetable) -> Schedule:
    zone = get_localzone_name()
    if timetable.every:
        midnight = (
            datetime.now()
            .astimezone()
            .replace(hour=0, minute=0, second=0, microsecond=0)
        )
        return Interval(timetable.every, anchor_date=midnight, timezone=zone)
    try:
        return Cron(timetable.cron or "", timezone=zone)
    except ValueError as error:
        raise SettingsError(
            f"--cron {timetable.cron!r}",
            "is no cron expression",
            'Give minute, hour, day, month and weekday, such as "0 * * * *".',
        ) from error


def keep_timetable(settings: Settings, timetable: Timetable, port: int | None) -> None:
    """Start runs by the clock until told to stop.

    Args:
        settings: Settings of every run.
        timetable: When runs start.
        port: Port of the server on this machine; null to go by Prefect's settings.

    Raises:
        PipelineError: Another process keeps a schedule for this warehouse already, or
            there is no server.
    """
    paper = open_paper()
    for handler in logging.getLogger().handlers:
        handler.addFilter(_without_traceback)
    with hold_post(settings, "schedule"):
        paper.say(Text("Starting Prefect ...", style="dim"))
        with open_server(port) as server, hold_interrupts() as stop:
            asyncio.run(_keep(settings, timetable, server, stop, paper))
    paper.say("Stopped.")


def _without_traceback(record: logging.LogRecord) -> bool:
    """Keep from the terminal where in Prefect something went wrong; what did, stays."""
    record.exc_info = record.exc_text = record.stack_info = None
    return True


def deployment_name(warehouse_dir: Place) -> str:
    """Return the name of a warehouse's deployment: its folder and 4 hex digits.

    Examples:
        >>> deployment_name(Path("/srv/news/warehouse"))
        'warehouse-1c07'
    """
    place = warehouse_dir.resolve()
    digits = hashlib.sha256(str(place).encode()).hexdigest()[:4]
    return f"{_NO_NAME.sub('-', place.name) or 'root'}-{digits}"


async def _keep(
    settings: Settings,
    timetable: Timetable,
    server: Server,
    stop: threading.Event,
    paper: Paper,
) -> None:
    """Run the runner and tell its news, until stopped or the server is gone."""
    name = deployment_name(settings.warehouse_dir)
    # Whatever comes while a run is under way is refused by the server, so there is no
    # limit here: it would make those runs wait, one after the other.
    runner = Runner(name=name, limit=None, query_seconds=_LOOK.total_seconds())
    deployment_id = await _deploy(runner, settings, timetable, name)
    async with get_client() as client:
        await _skip_missed(client, deployment_id, paper)
        _say_where(paper, settings, server, deployment_id)
        news = News(client, deployment_id, paper)
        running = asyncio.create_task(runner.start())
        try:
            await _watch(running, runner, news, server, stop)
        finally:
            if stop.is_set():
                paper.say(Text("Stopping ...", style="dim"))
            if news.has_just_ended:
                # The process of a run that is done takes a moment to end. Stopped
                # before that, the run would be marked as cancelled.
                await asyncio.sleep(_FAREWELL.total_seconds())
            if runner.started:
                with contextlib.suppress(Exception):  # the server may be gone
                    await runner.astop()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await running
        with contextlib.suppress(Exception):
            await news.tell()


async def _deploy(
    runner: Runner, settings: Settings, timetable: Timetable, name: str
) -> UUID:
    """Make or renew the deployment of this warehouse."""
    parameters = settings_parameters(settings) | {
        "raw_dir": str(settings.raw_dir.resolve()),
        "warehouse_dir": str(settings.warehouse_dir.resolve()),
    }
    deployment = await ingest.ato_deployment(
        name=name,
        schedule=_make_schedule(timetable),
        parameters=parameters,
        description=(
            f"{parameters['raw_dir']} to {parameters['warehouse_dir']}, carried out by"
            " `articles schedule`."
        ),
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1,
            collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW,
            grace_period_seconds=_GRACE_SECONDS,
        ),
        paused=False,
        # A fresh process per run: what one leaves behind the next one never sees.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.work_pool_name = deployment.work_queue_name = None
    deployment_id: UUID = await runner.aadd_deployment(deployment)
    return deployment_id


async def _skip_missed(
    client: PrefectClient, deployment_id: UUID, paper: Paper
) -> None:
    """Make up for all the runs missed while nobody was there by the last of them."""
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter.model_validate(
            {"id": {"any_": [deployment_id]}}
        ),
        flow_run_filter=FlowRunFilter.model_validate(
            {
                **_of_types(StateType.SCHEDULED),
                "expected_start_time": {"before_": datetime.now(UTC) - _MISSED},
            }
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
    )
    for run in runs[1:]:
        await client.delete_flow_run(run.id)
    if runs:
        paper.say("Runs were missed: one makes up for all.")


def _say_where(
    paper: Paper, settings: Settings, server: Server, deployment_id: UUID
) -> None:
    origin = "started with this" if server.process else "running already"
    paper.say(
        Text("Prefect    ", style="dim")
        + Text(server.ui_url, style="bold")
        + Text(f"  ({origin})", style="dim")
    )
    paper.say(
        Text("Schedule   ", style="dim")
        + Text(f"{server.ui_url}/deployments/deployment/{deployment_id}")
    )
    paper.say(
        Text("Folders    ", style="dim")
        + Text(f"{settings.raw_dir} to {settings.warehouse_dir}")
    )
    paper.say(Text("Ctrl-C stops.", style="dim"))


async def _watch(
    running: "asyncio.Task[None]",
    runner: Runner,
    news: "News",
    server: Server,
    stop: threading.Event,
) -> None:
    """Tell the news until there is a reason to stop.

    Raises:
        PipelineError: Not we, but the server or the runner has ended.
    """
    is_ours = False
    while not stop.is_set():
        if runner.started and not is_ours:
            signal.signal(signal.SIGTERM, lambda *_: stop.set())  # not the runner's
            is_ours = True
        if server.has_ended or running.done():
            reason = running.exception() if running.done() else None
            raise PipelineError(
                f"Prefect's server at {server.api_url}",
                f"does not answer any more ({reason or 'it has ended'})",
                "Start again; runs that were missed are made up for by one.",
            )
        with contextlib.suppress(PrefectException, OSError):
            await news.tell()
        await asyncio.to_thread(stop.wait, _LOOK.total_seconds())


def _of_types(*types: StateType) -> dict[str, Any]:
    """Return a filter for runs in these states."""
    return {"state": {"type": {"any_": list(types)}}}


def _last_change(run: FlowRun) -> datetime:
    return run.state.timestamp if run.state else datetime.min.replace(tzinfo=UTC)


class News:
    """Tells in a line each what the runs of a deployment do."""

    def __init__(
        self, client: PrefectClient, deployment_id: UUID, paper: Paper
    ) -> None:
        self._client, self._paper = client, paper
        self._deployment = DeploymentFilter.model_validate(
            {"id": {"any_": [deployment_id]}}
        )
        self._since = datetime.now(UTC)
        self._told: dict[UUID, StateType] = {}
        self._next: datetime | None = None
        self._last_end = datetime.min.replace(tzinfo=UTC)

    @property
    def has_just_ended(self) -> bool:
        """Whether a run has come to its end in the last moments."""
        return datetime.now(UTC) - self._last_end < 2 * _FAREWELL

    async def tell(self) -> None:
        """Tell what has changed since the last time."""
        look = datetime.now(UTC)
        ended = await self._read({"end_time": {"after_": self._since}}, _NOTICED_RUNS)
        busy = await self._read(_of_types(*_BUSY), _NOTICED_RUNS)
        told, self._told = self._told, {}
        for run in sorted([*ended, *busy], key=_last_change):
            if state := run.state_type:
                self._told[run.id] = state
                if state is not told.get(run.id):
                    self._tell_run(run, state)
        self._since = look - 2 * _LOOK
        if not busy:
            await self._tell_next()

    async def _tell_next(self) -> None:
        waiting = _of_types(StateType.SCHEDULED)
        runs = await self._read(waiting, 1, FlowRunSort.EXPECTED_START_TIME_ASC)
        start = runs[0].next_scheduled_start_time if runs else None
        if start and start != self._next:
            self._next = start
            self._paper.say(Text(f"Next run {start.astimezone():%F %T}", "dim"))

    async def _read(
        self,
        runs: dict[str, Any],
        limit: int,
        sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC,
    ) -> list[FlowRun]:
        return await self._client.read_flow_runs(
            deployment_filter=self._deployment,
            flow_run_filter=FlowRunFilter.model_validate(runs),
            sort=sort,
            limit=limit,
        )

    def _tell_run(self, run: FlowRun, state: StateType) -> None:
        if state not in _COLOURS and state is not StateType.RUNNING:
            return
        line = Text(f"{datetime.now():%H:%M:%S}  ", style="dim")  # noqa: DTZ005  # the wall's
        if state is StateType.RUNNING:
            self._paper.say(line + Text(f"{run.name}: begins"))
            return
        self._last_end = max(self._last_end, _last_change(run))
        message = " ".join((run.state.message or "").split()) if run.state else ""
        if state is StateType.COMPLETED and message:
            self._paper.say(line + Text(message, _COLOURS[state]))
            return
        if message == _OVERLAP:
            self._paper.say(line + Text("left out: the run before goes on", "dim"))
            return
        line += Text(f"{run.name}: ")
        line += Text(str(run.state_name).lower(), _COLOURS[state])
        if seconds := run.total_run_time.total_seconds():
            line += Text(f" after {seconds:.1f} s")
        if message:
            line += Text(f" ({message})", "dim")
        self._paper.say(line)
