"""A warehouse on object storage; the store is one in memory."""

import itertools
import json
import shutil
import threading
from contextlib import nullcontext
from datetime import timedelta

import obstore
import pytest
from obstore.store import MemoryStore

from tasks.errors import PipelineError, WarehouseError
from tasks.objects import ObjectUrl, Store
from tasks.tables import history, lease, remote
from tasks.tables.lease import LEASE_KEY, take_lease
from tasks.tables.remote import RemoteWarehouse
from tests.warehouse_rows import commit, see

URL = ObjectUrl("s3://news/warehouse")
OLD = {"kept.txt": 1, "changed.txt": 2, "deleted.txt": 3}
NEW = {"kept.txt": 1, "changed.txt": 4, "new.txt": 5}


@pytest.fixture
def tmp_path(fast_folder):
    """Give a folder that is fast to flush."""
    return fast_folder


@pytest.fixture
def client():
    """A store in memory."""
    return MemoryStore()


def open_at(client, cache, **options):
    """Open the warehouse from a machine whose cache folder is ``cache``."""
    store = options.pop("store", None) or Store(URL, client)
    return RemoteWarehouse(URL, cache, store=store, **options)


def start(client, cache, **options):
    """Publish OLD in two parts."""
    warehouse = open_at(client, cache, **options)
    with warehouse.lock():
        commit(warehouse, 1, {"kept.txt": 1}, {"changed.txt": 2, "deleted.txt": 3})
    return warehouse


def advance(warehouse, number=2):
    """Go from OLD to NEW as a run does."""
    with warehouse.lock():
        changed = {path: NEW[path] for path in ("changed.txt", "new.txt")}
        return commit(warehouse, number, changed, deleted=["deleted.txt"])


def seen_from(client, cache):
    """Return what a reader with a cache of its own sees."""
    with open_at(client, cache).pin() as folder:
        return see(folder)


def keys(client):
    """Return the keys of all objects."""
    return {info["path"] for batch in obstore.list(client) for info in batch}


def test_every_machine_sees_what_was_published(client, tmp_path):
    """What one machine publishes, another reads, row by row."""
    warehouse = start(client, tmp_path / "one")

    assert see(warehouse.live) == OLD
    assert seen_from(client, tmp_path / "other") == OLD
    advance(warehouse)
    assert seen_from(client, tmp_path / "other") == NEW
    assert LEASE_KEY not in keys(client)


def test_only_new_files_travel(client, tmp_path):
    """Rows that stay are in objects that stay; a cache fetches what it lacks."""
    warehouse = start(client, tmp_path / "one")
    seen_from(client, tmp_path / "other")
    before = keys(client)
    with warehouse.lock():
        commit(warehouse, 2, {"new.txt": 5})

    new = {key for key in keys(client) - before if key.startswith("documents/")}
    assert len(new) == 1
    assert len(warehouse.list_files("documents")) == 3
    obstore.delete(client, sorted(k for k in before if k.startswith("documents/")))
    assert seen_from(client, tmp_path / "other") == OLD | {"new.txt": 5}


def test_of_two_writers_one_is_told(client, tmp_path, monkeypatch):
    """Who began with the same snapshot and is slower loses nothing but time."""
    start(client, tmp_path / "one")
    monkeypatch.setattr(remote, "take_lease", lambda *_, **__: nullcontext())
    fast, slow = open_at(client, tmp_path / "one"), open_at(client, tmp_path / "two")
    with slow.lock():
        advance(fast)
        with pytest.raises(WarehouseError, match=r"run run-0002 published snapshot 2"):
            commit(slow, 3, {"late.txt": 7})

    assert seen_from(client, tmp_path / "three") == NEW
    with slow.lock():
        commit(slow, 3, {"late.txt": 7})
    assert seen_from(client, tmp_path / "three") == NEW | {"late.txt": 7}


def test_writer_overtaken_at_the_last_instant(client, tmp_path, monkeypatch):
    """The store decides: a manifest of the number is there, so ours is refused."""
    start(client, tmp_path / "one")
    monkeypatch.setattr(remote, "take_lease", lambda *_, **__: nullcontext())
    slow = open_at(client, tmp_path / "two")
    create = Store.create

    def create_late(store, key, data):
        monkeypatch.undo()
        advance(open_at(client, tmp_path / "one"))
        return create(store, key, data)

    with slow.lock():
        monkeypatch.setattr(Store, "create", create_late)
        with pytest.raises(WarehouseError, match="run-0002"):
            commit(slow, 3, {"late.txt": 7})

    # Parts that stay under their name are not taken for ours, and removed.
    assert seen_from(client, tmp_path / "three") == NEW
    named = {k for k in keys(client) if k.startswith("documents/")}
    assert named <= {url.removeprefix(f"{URL}/") for url in all_files(slow)}


def all_files(warehouse):
    """Return the documents of all snapshots."""
    numbers = [line.snapshot for line in warehouse.snapshots()]
    files = [warehouse.list_files("documents", number) for number in numbers]
    return set(itertools.chain.from_iterable(files))


@pytest.mark.parametrize("with_lease", [True, False])
def test_writers_at_once_lose_nothing(client, tmp_path, monkeypatch, with_lease):
    """Every row that somebody was told is published, is; with and without the lease."""
    monkeypatch.setattr(lease, "_PAUSES_SECONDS", (0.01, 0.02))
    if not with_lease:
        monkeypatch.setattr(remote, "take_lease", lambda *_, **__: nullcontext())
    start(client, tmp_path / "one")
    refused = []

    def write(number):
        warehouse = open_at(client, tmp_path / f"writer-{number}")
        for attempt in itertools.count():
            try:
                with warehouse.lock(wait=True):
                    run = 10 * number + attempt
                    commit(warehouse, run, {f"{number}.txt": number})
            except WarehouseError as error:
                refused.append(str(error))
            else:
                return

    threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = OLD | {f"{number}.txt": number for number in range(1, 5)}
    assert seen_from(client, tmp_path / "reader") == expected
    assert not (with_lease and refused)
    assert all("published snapshot" in message for message in refused)


class Killed(BaseException):
    """What stands for ``kill -9``: nothing of the run happens any more."""


class DyingStore(Store):
    """A store whose user dies before, or just after, its n-th request to write."""

    def __init__(self, client, deadline, *, is_done):
        super().__init__(URL, client)
        self.left, self.is_done, self.is_dead = deadline, is_done, False
        self.requests = 0
        self.mutex = threading.Lock()

    def _ask(self, request, *args):
        with self.mutex:
            self.requests += 1
            self.left -= 1
            if self.is_dead or (self.left == 0 and not self.is_done):
                self.is_dead = True
                raise Killed
            answer = request(*args)
            if self.left == 0:
                self.is_dead = True
                raise Killed
            return answer

    def put(self, *args):
        """Write, unless dead."""
        return self._ask(super().put, *args)

    def create(self, *args):
        """Write if there is none, unless dead."""
        return self._ask(super().create, *args)

    def delete(self, *args):
        """Remove, unless dead."""
        return self._ask(super().delete, list(*args))


def copied(client):
    """Return a copy of a store."""
    copy = MemoryStore()
    for key in keys(client):
        obstore.put(copy, key, obstore.get(client, key).bytes())
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_killed_at_any_request(client, tmp_path, monkeypatch, is_done):
    """Readers see the old snapshot or the new one, and the next run goes on."""
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.05)
    monkeypatch.setattr(lease, "_PAUSES_SECONDS", (0.02, 0.02))
    start(client, tmp_path / "base")
    outcomes = []
    for deadline in itertools.count(1):
        cache = tmp_path / f"cache-{deadline}"
        shutil.copytree(tmp_path / "base", cache)
        store = copied(client)
        dying = DyingStore(store, deadline, is_done=is_done)
        try:
            advance(open_at(store, cache, store=dying))
        except Killed:
            pass
        else:
            break
        outcomes.append(seen_from(store, tmp_path / "reader"))
        assert outcomes[-1] in (OLD, NEW)
        # The same machine or another one goes on; who holds the lease is dead.
        heir = open_at(store, cache if deadline % 2 else tmp_path / f"heir-{deadline}")
        with heir.lock(wait=True):
            commit(heir, 3, {"after.txt": 7})
        assert seen_from(store, cache) == outcomes[-1] | {"after.txt": 7}
        assert list(heir.verify_files()) == []
        shutil.rmtree(tmp_path / "reader")
    assert OLD in outcomes and NEW in outcomes
    assert outcomes == sorted(outcomes, key=lambda seen: seen == NEW)


def test_second_writer_waits_or_is_refused(client, tmp_path):
    """While one machine writes, another one is told who does."""
    first, second = start(client, tmp_path / "one"), open_at(client, tmp_path / "two")
    with first.lock():
        with pytest.raises(WarehouseError, match="is writing to it"), second.lock():
            pass
        holder = []
        thread = threading.Thread(target=wait_for, args=(second, holder))
        thread.start()
        while not holder:
            assert thread.is_alive()
    thread.join()
    assert "process" in holder[0] and holder[1] == "done"


def wait_for(warehouse, told):
    with warehouse.lock(wait=True, tell=told.append):
        told.append("done")


class CarelessStore(Store):
    """A store that does not know conditions, as some had none for long."""

    def create(self, key, data):
        """Write it, whatever was there."""
        self.put(key, data)
        return "e-tag"


def test_store_without_conditions_is_refused(client, tmp_path):
    """It would let two runs publish the same number; nothing is written there."""
    warehouse = open_at(client, tmp_path / "one", store=CarelessStore(URL, client))

    with pytest.raises(WarehouseError, match="If-None-Match"), warehouse.lock():
        pass
    assert keys(client) == set()


def test_lease_of_the_dead_is_taken_over(client, monkeypatch):
    """Without a heartbeat it ends; at once if its holder had our own cache."""
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.1)
    monkeypatch.setattr(lease, "_PAUSES_SECONDS", (0.02, 0.02))
    monkeypatch.setattr(lease, "BEAT_SECONDS", 1000)
    store = Store(URL, client)
    dead = take_lease(store, "cache one")
    with take_lease(store, "cache one"):
        pass
    assert LEASE_KEY not in keys(client)
    dead = take_lease(store, "cache one")
    with take_lease(store, "cache two", wait=True):
        dead.__exit__()  # the machine wakes up, and leaves what is another's
        assert LEASE_KEY in keys(client)


class Clock:
    """A clock for who waits; the holder of the lease lives on for some beats."""

    def __init__(self, client, beats):
        self.client, self.beats, self.now, self.pauses = client, beats, 0.0, 0

    def monotonic(self):
        """Return the time."""
        return self.now

    def sleep(self, _seconds):
        """Let most of the time pass after which a holder counts as dead."""
        self.now += 0.9 * lease.STALE_SECONDS
        self.pauses += 1
        if self.pauses <= self.beats:
            note = json.loads(obstore.get(self.client, LEASE_KEY).bytes().to_bytes())
            data = json.dumps(note | {"beat": self.pauses}).encode()
            obstore.put(self.client, LEASE_KEY, data)


def test_living_lease_is_not_taken_over(client, monkeypatch):
    """A heart that beats keeps others waiting, however long; once it stops, it ends."""
    store = Store(URL, client)
    with take_lease(store, "cache one"):
        monkeypatch.setattr(lease, "time", clock := Clock(client, beats=10))
        with take_lease(store, "cache two", wait=True):
            assert clock.pauses == 12
        monkeypatch.undo()


def test_heart_of_a_lease_beats(client, monkeypatch):
    """The object changes as long as its holder lives."""
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    store = Store(URL, client)
    with take_lease(store, "cache one"):
        seen = set()
        while len(seen) < 3:
            seen.add(store.read(LEASE_KEY))
    assert LEASE_KEY not in keys(client)


def test_expired_snapshots_go_once_nobody_reads_them(client, tmp_path):
    """The numbers and days of the settings hold, but never below the safe age."""
    warehouse = start(client, tmp_path / "one", keep_snapshots=1)
    for number in (2, 3, 4):
        with warehouse.lock():
            commit(warehouse, number, {"kept.txt": number})
    assert [line.snapshot for line in warehouse.snapshots()] == [4, 3, 2, 1]

    brief = open_at(
        client, tmp_path / "one", keep_snapshots=1, safe_age=timedelta(days=-1)
    )
    with brief.lock():
        commit(brief, 5, {"kept.txt": 5})
    assert [line.snapshot for line in brief.snapshots()] == [5, 4]
    named = {url.removeprefix(f"{URL}/") for url in all_files(brief)}
    assert {key for key in keys(client) if key.startswith("documents/")} == named
    assert seen_from(client, tmp_path / "two")["kept.txt"] == 5


def test_objects_of_the_dead_go_and_no_others(client, tmp_path):
    """What no manifest names goes with time; what we did not make stays for ever."""
    warehouse = start(client, tmp_path / "one", safe_age=timedelta(days=-1))
    ours = {
        "documents/00000002-0123456789ab.parquet",
        "documents/00000002-0123456789abcdef.parquet",  # of a worker of its own try
        "report/00000002-0123456789ab.html",
    }
    not_ours = {"documents/my.parquet", "00000002-0123456789ab.parquet", "note.txt"}
    for key in ours | not_ours:
        obstore.put(client, key, b"?")
    advance(warehouse)

    assert not ours & keys(client)
    assert not_ours <= keys(client)


def test_place_of_something_else_is_refused(client, tmp_path):
    """Where other objects lie nothing is written, not even a lease that stays."""
    obstore.put(client, "holiday.jpg", b"?")
    warehouse = open_at(client, tmp_path / "one")

    with pytest.raises(WarehouseError, match=r"holiday\.jpg"), warehouse.lock():
        pass
    assert keys(client) == {"holiday.jpg"}


def test_rollback_publishes_an_earlier_snapshot_again(client, tmp_path):
    """From any machine; it becomes a new snapshot, and can be undone."""
    advance(start(client, tmp_path / "one"))
    other = open_at(client, tmp_path / "two")
    with other.lock():
        assert other.rollback(1).snapshot == 3
    assert seen_from(client, tmp_path / "three") == OLD
    assert [line.restored_from for line in other.snapshots()] == [1, None, None]
    with other.lock():
        other.rollback(2)
    assert seen_from(client, tmp_path / "three") == NEW


def test_earlier_snapshots_can_be_read(client, tmp_path):
    """A pin of an earlier snapshot fetches it."""
    advance(start(client, tmp_path / "one"))
    other = open_at(client, tmp_path / "two")

    with other.pin(1) as folder:
        assert see(folder) == OLD
    with other.pin() as folder:
        assert see(folder) == NEW
    with pytest.raises(WarehouseError, match=r"has no snapshot 7.*There are 2, 1"):
        other.find_snapshot(7)


def test_sizes_of_snapshots_sum_up_to_the_objects(client, tmp_path):
    """What each line adds is what all of them take together."""
    warehouse = start(client, tmp_path / "one")
    advance(warehouse)

    lines = warehouse.snapshots()
    sizes = {i["path"]: i["size"] for batch in obstore.list(client) for i in batch}
    parquet = sum(size for key, size in sizes.items() if key.endswith(".parquet"))
    assert sum(line.added_bytes for line in lines) == parquet
    assert [line.is_live for line in lines] == [True, False]


def test_damaged_and_missing_objects_are_named(client, tmp_path):
    """Nobody is given rows that nobody wrote."""
    warehouse = start(client, tmp_path / "one")
    key = warehouse.list_files("paragraphs")[0].removeprefix(f"{URL}/")
    data = obstore.get(client, key).bytes().to_bytes()
    obstore.put(client, key, data[:-1] + b"?")
    with pytest.raises(WarehouseError, match="differs from its SHA-256"):
        seen_from(client, tmp_path / "two")
    obstore.put(client, key, data[:-1])
    assert [p.law for p in warehouse.verify_files()] == ["size of the object"]
    obstore.delete(client, key)
    assert [p.law for p in warehouse.verify_files()] == ["object exists"]
    with pytest.raises(WarehouseError, match="is missing"):
        seen_from(client, tmp_path / "two")


def test_emptied_place_is_empty(client, tmp_path):
    """Where all objects were removed a cache does not go on as if nothing had been."""
    warehouse = start(client, tmp_path / "one")
    obstore.delete(client, sorted(keys(client)))

    assert open_at(client, tmp_path / "one").manifest() is None
    with warehouse.lock():
        commit(warehouse, 1, {"new.txt": 5})
    assert seen_from(client, tmp_path / "two") == {"new.txt": 5}


def test_reader_while_a_run_of_this_machine_writes(client, tmp_path):
    """It does not wait: what was published when the run began is in the cache."""
    warehouse = start(client, tmp_path / "one")
    with warehouse.lock():
        assert seen_from(client, tmp_path / "one") == OLD


def test_lost_answer_of_the_store(client):
    """If the client asks again, a manifest of its own is no other run's."""
    store = Store(URL, client)

    e_tag = store.create("_manifests/00000001.json", b"ours")
    assert store.create("_manifests/00000001.json", b"ours") == e_tag
    assert store.create("_manifests/00000001.json", b"theirs") is None


def test_manifest_of_a_newer_version(client, tmp_path):
    """What a newer version has published is not touched."""
    warehouse = start(client, tmp_path / "one")
    key = "_manifests/00000001.json"
    content = json.loads(obstore.get(client, key).bytes().to_bytes())
    data = json.dumps(content | {"format_version": 99}).encode()
    obstore.put(client, key, data)

    with pytest.raises(WarehouseError, match="newer version"):
        open_at(client, tmp_path / "one").manifest()
    del content["files"][0]["object"]
    obstore.put(client, key, json.dumps(content).encode())
    with pytest.raises(WarehouseError, match="damaged manifest"):
        open_at(client, tmp_path / "one").manifest()
    assert see(warehouse.live) == OLD


def test_store_that_does_not_answer(client, tmp_path, monkeypatch):
    """One line says what was tried and what to look at."""

    def fail(*_args, **_options):
        raise obstore.exceptions.GenericError("no route to host\n\nDebug source: ...")

    warehouse = start(client, tmp_path / "one")
    for name in ("get", "list", "put", "delete"):
        monkeypatch.setattr(obstore, name, fail)
    with pytest.raises(
        PipelineError, match=r"no route to host\. Check the URL"
    ) as told:
        open_at(client, tmp_path / "one").manifest()
    assert "Debug" not in str(told.value)
    monkeypatch.undo()
    assert see(warehouse.live) == OLD


def test_slow_upload_is_refused(client, tmp_path, monkeypatch):
    """Objects that others may take for lost are not published."""
    warehouse = start(client, tmp_path / "one")
    monkeypatch.setattr(history, "SAFE_AGE", timedelta(microseconds=2))

    with pytest.raises(WarehouseError, match="took so long"):
        advance(warehouse)
    assert seen_from(client, tmp_path / "two") == OLD
