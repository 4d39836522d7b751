"""Something that goes on while a test does something else."""

import contextlib
import threading


@contextlib.contextmanager
def alongside(act, *, every_seconds):
    """Call ``act`` again and again while the block runs."""
    is_over = threading.Event()

    def go_on():
        while not is_over.wait(every_seconds):
            act()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
