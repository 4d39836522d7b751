"""Locks that live in a file, on one machine and among several."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from tasks.tables import lock as locks
from tasks.tables.lock import (
    BEAT_SECONDS,
    STALE_SECONDS,
    Lock,
    read_owner,
    seconds_since_beat,
    take_lock,
)


@pytest.fixture
def path(tmp_path):
    """Give the path of a lock file."""
    return tmp_path / "lock"


@pytest.fixture
def move_away(monkeypatch):
    """Let this process be on another machine, whose lock calls do not reach here."""

    def move(*, name="elsewhere", boot="another", is_lock_shared=False):
        monkeypatch.setattr(socket, "gethostname", lambda: name)
        monkeypatch.setattr(locks, "_boot", lambda: boot)
        if not is_lock_shared:
            monkeypatch.setattr(locks, "_try_system_lock", lambda _descriptor: True)

    return move


def age(path, seconds):
    """Let the last heartbeat be some seconds ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def hearts():
    """Return the threads that are heartbeats, of this test or of any before it."""
    return {t for t in threading.enumerate() if t.name.startswith("heartbeat")}


def die_holding(path):
    """Take the lock in another process that is then killed."""
    code = (
        "import os, sys; from pathlib import Path;"
        "from tasks.tables.lock import take_lock;"
        "take_lock(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)


def free(path):
    """Take the lock, which must be free, and release it."""
    with take_lock(path) as lock:
        assert lock.is_ours()


def test_note_lasts_as_long_as_the_lock(path):
    """While it is held the file says by whom; afterwards it is empty."""
    with take_lock(path) as lock:
        owner = read_owner(path)
        assert owner == lock.owner
        assert (owner.pid, owner.host) == (os.getpid(), socket.gethostname())
        assert lock.is_ours()

    assert path.read_bytes() == b""
    assert read_owner(path) is None
    assert not lock.is_ours()


def test_second_taker_is_told_who_holds_it(path):
    """Also inside one process."""
    with take_lock(path):
        assert f"process {os.getpid()} on " in take_lock(path)
    with take_lock(path) as lock:
        assert isinstance(lock, Lock)


def test_heartbeat_touches_the_file_and_ends_with_the_lock(path, monkeypatch):
    """The file's time says that the holder lives; no thread is left over."""
    monkeypatch.setattr(locks, "BEAT_SECONDS", 0.01)
    others = hearts()
    with take_lock(path):
        age(path, 1000)
        assert len(hearts() - others) == 1
        while seconds_since_beat(path) > 500:  # until the next beat
            time.sleep(0.01)

    assert hearts() <= others


def test_forked_child_has_no_heartbeat_and_frees_nothing(path):
    """What a child does with a lock it inherited is no concern of the holder."""
    with take_lock(path) as lock:
        pid = os.fork()
        if pid == 0:
            has_heart = bool(hearts())
            lock.release()
            os._exit(has_heart)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert lock.is_ours()
        assert "process" in take_lock(path)


def test_dead_holder_on_this_machine_blocks_nobody(path):
    """The system's lock decides here, however fresh the heartbeat is."""
    die_holding(path)
    assert read_owner(path) is not None

    free(path)


def test_living_holder_on_another_machine(path, move_away):
    """Its heartbeat is enough, where the system's lock does not reach."""
    with take_lock(path):
        move_away()

        assert take_lock(path).startswith(f"{read_owner(path)} (by its heartbeat")


@pytest.mark.parametrize("seconds", [STALE_SECONDS + 1, -STALE_SECONDS - 1])
def test_dead_holder_on_another_machine(path, move_away, seconds, caplog):
    """Without a heartbeat for long the lock is taken over, with a word in the log.

    So it is if the clock was set back: a living holder would have touched the file.
    """
    die_holding(path)
    age(path, seconds)
    move_away()

    free(path)
    assert "taking over" in caplog.text


def test_released_by_another_machine(path, move_away):
    """A cleared note needs no waiting for the heartbeat to be old."""
    take_lock(path).release()
    move_away()

    free(path)


@pytest.mark.parametrize(
    ("name", "boot"), [("elsewhere", ""), (socket.gethostname(), "another")]
)
def test_namesakes_and_restarts(path, move_away, name, boot):
    """A machine of another name, or started anew, is not trusted to be this one."""
    die_holding(path)
    move_away(name=name, boot=boot, is_lock_shared=True)

    assert "by its heartbeat" in take_lock(path)
    age(path, STALE_SECONDS + 1)
    free(path)


def test_dead_container_blocks_no_other(path, move_away):
    """Under one kernel the system's lock decides, whatever a container is called."""
    die_holding(path)
    move_away(name="container", boot=read_owner(path).boot, is_lock_shared=True)

    free(path)


def test_lock_calls_without_effect(path, monkeypatch):
    """A file system that locks nothing is found out: then the heartbeat decides."""
    monkeypatch.setattr(locks, "_try_system_lock", lambda _descriptor: True)
    with take_lock(path):
        assert "by its heartbeat" in take_lock(path)


def test_holder_learns_that_it_was_overtaken(path, move_away):
    """After a machine stood still, its lock is another's; it leaves that alone."""
    lock = take_lock(path)
    age(path, STALE_SECONDS + 1)
    move_away()
    other = take_lock(path)

    assert not lock.is_ours()
    assert other.is_ours()
    lock.release()
    assert other.is_ours()
    other.release()


@pytest.mark.parametrize(
    "note", [b"", b"?", b"[]", b"7", b'{"pid": 1}', b'{"token": "x"}', b" " * 512]
)
def test_nonsense_in_the_note_blocks_nobody(path, note):
    """A note that names nobody is none."""
    path.write_bytes(note)

    free(path)


def test_note_of_an_older_version(path, move_away):
    """It has no token and no boot, but it names process and machine."""
    path.write_text('{"pid": 7, "host": "server", "started_at": "2026-01-01"}')
    move_away(name="desk")

    assert take_lock(path).startswith("process 7 on server since 2026-01-01")


def test_waiting_tells_once_who_holds_it(path):
    """Whoever waits is told by whom it is held, and gets it afterwards."""
    told = []
    lock = take_lock(path)
    holder = str(lock.owner)

    def tell(text):
        told.append(text)
        threading.Timer(0.3, lock.release).start()

    with take_lock(path, wait=True, tell=tell):
        assert told == [holder]


def test_beats_are_much_quicker_than_death():
    """A few lost beats on a slow network are no death."""
    assert BEAT_SECONDS * 5 <= STALE_SECONDS


def test_looking_at_the_clock_leaves_nothing(path, tmp_path):
    """The file that shows the server's time is removed again."""
    path.touch()

    assert abs(seconds_since_beat(path)) < 10
    assert list(tmp_path.iterdir()) == [path]
