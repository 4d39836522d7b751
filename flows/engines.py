"""Engines: where the batches of a run are worked on, and what if a worker is lost."""

import contextlib
import dataclasses
import functools
import os
import queue
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pandas as pd
from prefect import Task, get_client
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from flows.backstage import TASK_LOGGER_VARIABLE, begin_worker
from flows.batches import cut_batches, weigh_each, weigh_files
from flows.clusters import (
    describe_crew,
    is_lost,
    open_dask,
    open_ray,
    pick_raw_file,
    require_ray,
)
from flows.line import Run
from flows.progress import is_watched
from flows.settings import Engine, Settings
from flows.shares import describe_files, share_out
from flows.summary import count_of
from tasks.errors import PipelineError
from tasks.objects import ObjectUrl

R = TypeVar("R")
Work = tuple[pd.DataFrame, Run, Path, str]
"""What a batch's task takes: files, the run, a folder for results and their name.

Paths and what ``stat`` says of them, never text: that is read and written where the
batch is worked on.
"""

LOGGED_BATCHES = 5
"""Up to so many batches the log has a line for each of their steps; beyond, none."""

INLINE_BYTES = 20_000_000
"""Up to so much text (about 20 s of work) is not worth starting processes for."""

BATCHES_PER_WORKER = 8
"""Little work is cut into so many, so that no worker waits long for the last one."""

SHARES_PER_WORKER = 2
"""A file of lines that is larger than a batch is cut into so many, if it is alone."""

LAST_BATCHES = 3
"""So many, at the end, are cut again into thirds."""

MIN_BATCH_BYTES = 2_000_000
"""Less text than this is no batch of its own while there are more workers."""

_LOOK_SECONDS = 5.0  # without a result, until it is seen whether the cluster is there
_CONSOLE_VARIABLE = "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"


def choose_engine(files: pd.DataFrame, settings: Settings) -> Engine:
    """Return the engine that is set, or whichever suits the amount of work."""
    if settings.engine != "auto":
        return settings.engine
    is_little = weigh_files(files) <= INLINE_BYTES or _count_workers(settings) == 1
    return "inline" if is_little else "processes"


def cut_work(files: pd.DataFrame, settings: Settings) -> Iterator[pd.DataFrame]:
    """Cut the work so that every worker gets some, in batches worth their cost.

    The last ones are small: the worker who is done first does not wait long.
    """
    most, batch_bytes = settings.batch_files, settings.batch_bytes
    if choose_engine(files, settings) == "inline":
        yield from cut_batches(files, batch_bytes=batch_bytes, batch_files=most)
        return
    weights = weigh_each(files)
    total = int(weights.sum())
    workers = _count_workers(settings)
    shared = max(total // (SHARES_PER_WORKER * workers), batch_bytes)
    part = total // (BATCHES_PER_WORKER * workers)
    batch_bytes = min(batch_bytes, max(part, MIN_BATCH_BYTES))
    less = max(batch_bytes // 3, min(batch_bytes, MIN_BATCH_BYTES))
    is_last = weights.cumsum() > total - LAST_BATCHES * batch_bytes
    for some, most_bytes in ((files[~is_last], batch_bytes), (files[is_last], less)):
        for batch in cut_batches(some, batch_bytes=most_bytes, batch_files=most):
            yield from share_out(batch, shared)


def _count_workers(settings: Settings) -> int:
    return settings.workers or os.cpu_count() or 1


class Staff:
    """The workers of one run: started for its first batch, kept until they may go.

    What a step has started is there for the next. Leaving the ``with`` block ends them.
    """

    def __init__(self) -> None:
        self.engine: Engine = "inline"
        self._is_brief = False
        self._count = 0
        self._runner: TaskRunner[Any] | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner = None
        self._open.__exit__(exc_type, error, traceback)

    def prepare(self, engine: Engine, *, is_brief: bool) -> None:
        """Say where the next batches are worked on, before any is.

        Args:
            engine: Where; workers elsewhere go.
            is_brief: Whether the log says nothing of the single steps.
        """
        if engine != self.engine:
            self.stop()
        self.engine, self._is_brief = engine, is_brief

    def start(self, work: list[Work], count: int) -> TaskRunner[Any]:
        """Return what runs batches side by side, with as many workers as asked for."""
        if self._runner is None or count != self._count:
            self.stop()
            runner = _open_runner(self.engine, work, count, is_brief=self._is_brief)
            self._runner, self._count = self._open.enter_context(runner), count
        return self._runner

    def stop(self) -> None:
        """Let all workers go; the next batch gets new ones."""
        self._runner = None
        self._open.close()


def results_of(
    step: Task[..., R], work: list[Work], staff: Staff, *, is_visible: bool
) -> Iterator[tuple[int, R]]:
    """Yield what becomes of each batch with its number, as they are done.

    Args:
        step: Task that takes a batch.
        work: The batches, at least one, all of one run.
        staff: Who works on them; prepared.
        is_visible: Whether the steps of a batch show in the timeline.

    Raises:
        PipelineError: The engine cannot be used, or a batch was lost every time.
    """
    tasks = [
        step.with_options(task_run_name=f"{step.name} {name}")
        for name in _name_batches(work)
    ]
    if staff.engine == "inline":
        for index, batch in enumerate(work):
            yield index, tasks[index](*batch, is_visible=is_visible)
        return
    if staff.engine != "processes":
        work = [_from_anywhere(batch) for batch in work]
    # Without its address every worker would start a temporary server of its own.
    with get_client(sync_client=True) as client:
        server = {PREFECT_API_URL: str(client.api_url)}
    with temporary_settings(server):
        yield from _results_elsewhere(tasks, work, staff, is_visible=is_visible)


def _name_batches(work: list[Work]) -> Iterator[str]:
    """Yield what a person may call each batch."""
    for index, (files, *_) in enumerate(work):
        name = describe_files(files)
        yield f"batch {index + 1} of {len(work)}: {name}" if work[1:] else name


def _from_anywhere(batch: Work) -> Work:
    """Return a batch whose paths hold in any folder: workers may be at home elsewhere.

    Examples:
        >>> from flows.line import start_run
        >>> batch = pd.DataFrame(), start_run(Settings()), Path("staged"), "1"
        >>> _, run, folder, _ = _from_anywhere(batch)
        >>> (run.settings.raw_dir.is_absolute(), folder.is_absolute())
        (True, True)
    """
    files, run, folder, name = batch
    settings = run.settings
    if not isinstance(settings.raw_dir, ObjectUrl):
        settings = dataclasses.replace(settings, raw_dir=settings.raw_dir.absolute())
    counted = run.counted_file.absolute() if run.counted_file else None
    run = run._replace(settings=settings, counted_file=counted)
    return files, run, folder.absolute(), name


def _results_elsewhere(
    tasks: list[Task[..., R]],
    work: list[Work],
    staff: Staff,
    *,
    is_visible: bool,
) -> Iterator[tuple[int, R]]:
    """Yield batches as workers get them done, come what may to the workers.

    One killed worker (mostly by the system, for lack of memory) takes a whole pool of
    processes with it; Dask and Ray start another and try its batch again, within
    limits. What was lost all the same is tried once more in a new pool or cluster, and
    at last by one worker alone, who has all the memory.

    Raises:
        PipelineError: A batch was lost every time.
    """
    names = ("files", "run", "staging_dir", "stem")
    settings = work[0][1].settings
    waiting = dict(enumerate(work))
    error: BaseException | None = None
    for count in _list_rounds(staff.engine, settings):
        if error:
            staff.stop()
            get_run_logger().warning(
                "a worker process died (%s); batches to do again: %d, workers: %d",
                type(error).__name__,
                len(waiting),
                count,
            )
        runner = staff.start(work, count)
        futures = {
            runner.submit(
                tasks[index],
                dict(zip(names, batch, strict=True)) | {"is_visible": is_visible},
            ): index
            for index, batch in waiting.items()
        }
        for future in _as_done(list(futures), staff.engine, settings):
            result = _get_result(future)
            if isinstance(result, BaseException):
                error = result
            else:
                del waiting[futures[future]]
                yield futures[future], result
        if not waiting:
            return
    index, batch = next(iter(waiting.items()))
    raise _out_of_memory(index, batch[0], len(work)) from error


def _as_done(
    futures: list[PrefectFuture[R]], engine: Engine, settings: Settings
) -> Iterator[PrefectFuture[R]]:
    """Yield futures as they are done; Prefect's own would wait for a lost cluster."""
    done: queue.SimpleQueue[PrefectFuture[R]] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(done.put)
    for _ in futures:
        while True:
            try:
                future = done.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if engine == "ray" and settings.engine_address:
                    require_ray(settings.engine_address)
            else:
                break
        yield future


def _list_rounds(engine: Engine, settings: Settings) -> tuple[int, ...]:
    """Return with how many workers to try, one time after the other."""
    workers = _count_workers(settings)
    if engine == "processes":
        return workers, workers, 1
    return (workers,) if settings.engine_address else (workers, 1)


def _open_runner(
    engine: Engine, work: list[Work], count: int, *, is_brief: bool
) -> AbstractContextManager[TaskRunner[Any]]:
    """Return what runs batches side by side, while it is open."""
    if engine == "processes":
        begin = functools.partial(
            begin_worker, is_hushed=is_watched(), is_brief=is_brief
        )
        return ProcessPoolTaskRunner(count, initializer=begin)
    variables = {TASK_LOGGER_VARIABLE: "WARNING"} if is_brief else {}
    if is_watched():
        variables[_CONSOLE_VARIABLE] = "CRITICAL"
    files, run, staging_dir, _ = work[0]
    raw_file = pick_raw_file(run.settings.raw_dir, files["source_path"])
    crew = describe_crew(raw_file, staging_dir)
    open_cluster = open_dask if engine == "dask" else open_ray
    return open_cluster(run.settings.engine_address, count, variables, crew)


def _get_result(future: PrefectFuture[R]) -> R | BaseException:
    """Return what a batch has become, or the error if its worker is lost.

    Raises:
        PipelineError: The whole cluster is.
    """
    try:
        future.wait()  # raises what befell the pool; what befell the batch comes later
    except (BrokenExecutor, OSError) as error:
        return error
    try:
        return future.result()
    except MemoryError as error:
        return error
    except (CancelledError, ConnectionError) as error:
        raise PipelineError(
            "the cluster",
            f"is lost ({str(error) or type(error).__name__})",
            "See whether its scheduler or head runs, then run again; the old tables are"
            " intact.",
        ) from error
    except Exception as error:
        if is_lost(error):
            return error
        raise
    finally:
        # Else Dask would do it again if its worker died now, while it is published.
        with contextlib.suppress(AttributeError):
            future.wrapped_future.release()  # type: ignore[attr-defined]


def _out_of_memory(index: int, files: pd.DataFrame, count: int) -> PipelineError:
    """Return the error for a batch that no worker survives."""
    paths = files["source_path"]
    return PipelineError(
        f"batch {index + 1} of {count} ({count_of(len(files), 'file')},"
        f" {paths.iloc[0]} to {paths.iloc[-1]})",
        "its worker was killed or out of memory, every time it was tried",
        "Lower batch_bytes, batch_files or workers, or give the machine more memory,"
        " then run again; the old tables are intact.",
    )
