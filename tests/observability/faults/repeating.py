"""Something that goes on beside a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["repeating"]


@contextmanager
def repeating(step: Callable[[], object], pause_s: float) -> Iterator[None]:
    """Do it again and again; what it raises is raised at the end."""
    ending, raised = threading.Event(), list[Exception]()

    def run() -> None:
        while not ending.is_set():
            try:
                step()
            except Exception as error:  # noqa: BLE001 - of another thread, so raised below
                raised.append(error)
                return
            ending.wait(pause_s)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
    if raised:
        raise raised[0]
