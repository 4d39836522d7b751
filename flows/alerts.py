"""Tell somebody that a run needs a person: by a command of their choice."""

import logging
import shlex
import subprocess
from typing import Any, TypeAlias

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from flows.artifacts import ui_url
from flows.settings import read_settings

AnyFlow: TypeAlias = Flow[..., Any]

_COMMAND_SECONDS = 60
_INTERRUPTED = "Execution was aborted by an interrupt signal."  # Prefect's words

_logger = logging.getLogger(__name__)


def alert(message: str) -> None:
    """Run the command of the setting ``alert_command``, with a message on its stdin.

    What goes wrong with it is logged: no run fails because nobody could be told.
    """
    command = read_settings().alert_command
    if not command:
        return
    try:
        done = subprocess.run(  # noqa: S603  # the command is the user's own
            shlex.split(command),
            input=message + "\n",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        _logger.warning("alert_command cannot be run: %s", error)
        return
    if done.returncode:
        _logger.warning(
            "alert_command ended with status %d: %s", done.returncode, done.stderr
        )


def alert_failure(flow: AnyFlow, flow_run: FlowRun, state: State[Any]) -> None:
    """Tell that a run has failed or crashed. Prefect calls this by these names."""
    message = " ".join((state.message or "").split())
    if message == _INTERRUPTED:
        return  # whoever did that knows
    lines = [f"{flow.name}: {flow_run.name} {str(state.name).lower()}", message]
    if address := ui_url():
        lines.append(f"{address}/runs/flow-run/{flow_run.id}")
    alert("\n".join(lines))
