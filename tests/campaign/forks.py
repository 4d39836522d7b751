"""Runs as forks of a warmed process: importing would take longer than the run.

``python -m tests.campaign.forks`` reads orders, one line of JSON each, and forks a
child for every one. It uses no threads and none of the readers, so forking is safe.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
STARTED, DONE, FAILED = 0, 0, 1


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Attributes:
        status: 0 done, 1 an error was raised, below 0 killed by that signal.
        answer: What the order returned, or name and text of the error.
    """

    status: int
    answer: str


class Forks:
    """Starts children of a warmed process, and waits for them."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reply()  # warm now
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait()
        assert self._server.stdout
        self._server.stdout.close()

    def start(self, order: str, *arguments: Any, **options: Any) -> int:
        """Fork a child that carries out an order of ``orders.ORDERS``.

        Returns:
            Its process id, good until ``wait`` was called.
        """
        texts = [str(argument) for argument in arguments]
        return int(self._ask({"order": order, "arguments": texts, "options": options}))

    def wait(self, pid: int) -> Ending:
        """Wait until a child is over."""
        return Ending(**json.loads(self._ask({"wait": pid})))

    def run(self, order: str, *arguments: Any, **options: Any) -> Ending:
        """Start a child and wait for it."""
        return self.wait(self.start(order, *arguments, **options))

    def _ask(self, message: dict[str, Any]) -> str:
        assert self._server.stdin
        self._server.stdin.write(json.dumps(message) + "\n")
        self._server.stdin.flush()
        return self._reply()

    def _reply(self) -> str:
        assert self._server.stdout
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the forking process is gone")
        return line


def serve() -> None:
    """Carry out orders until there are no more."""
    from tests.campaign.orders import ORDERS

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "raw").mkdir()
        for name in ("a.txt", "b.html"):
            text = "<p>The ferry came in late, and nobody waited on the pier.</p>"
            (Path(folder) / "raw" / name).write_text(text)
        warehouse = Path(folder) / "warehouse"
        ORDERS["ingest"](raw_dir=f"{folder}/raw", warehouse_dir=str(warehouse))
        print("warm", flush=True)
        for line in sys.stdin:
            message = json.loads(line)
            if "wait" in message:
                print(json.dumps(_wait(message["wait"], folder)), flush=True)
            else:
                print(_fork(message, folder), flush=True)


def _fork(message: dict[str, Any], folder: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = FAILED
    try:
        from tests.campaign.orders import ORDERS

        order = ORDERS[message["order"]]
        answer = order(*message["arguments"], **message["options"])
        status = DONE
    except BaseException as error:  # noqa: BLE001  (a child must end here)
        answer = f"{type(error).__name__}: {error}"
    finally:
        Path(folder, str(os.getpid())).write_text(answer)
        os._exit(status)


def _wait(pid: int, folder: str) -> dict[str, Any]:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    file = Path(folder, str(pid))
    answer = file.read_text() if status >= 0 else ""
    file.unlink(missing_ok=True)
    return {"status": status, "answer": answer}


if __name__ == "__main__":
    serve()
