"""Latest-value slot with a worker thread: a new item replaces the one that waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic
from typing import TypeVar

T = TypeVar("T")


class LatestItemWorker(Generic[T]):
    """Runs ``work(item)`` in one thread, on the newest item only.

    Args:
        work: Called with each item that was not superseded.
        on_error: Called with the exception that ``work`` raised; the thread goes on.
        hold: Seconds that the next item still has to wait in the slot, where a newer one may replace it. Asked again
            after that time, after :meth:`wake` and after every :meth:`put`; must be quick
            and must not raise.
    """

    def __init__(
        self,
        work: Callable[[T], None],
        on_error: Callable[[Exception], None],
        hold: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._work, self._on_error, self._hold = work, on_error, hold
        self._condition = threading.Condition()
        self._slot: list[T] = []
        self._busy = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="gsn-worker", daemon=True)
        self._thread.start()

    def put(self, item: T) -> T | None:
        """Put an item into the slot; returns the waiting item that it supersedes, if any."""
        return self.put_chosen(lambda waiting: item)

    def put_chosen(self, choose: Callable[[T | None], T | None]) -> T | None:
        """Put what ``choose`` returns into the slot; the worker begins nothing meanwhile.

        Args:
            choose: Called once with the waiting item, or None; None leaves the slot empty.

        Returns:
            The item that waited.
        """
        with self._condition:
            waiting = self._slot[0] if self._slot else None
            chosen = choose(waiting)
            self._slot.clear()
            if chosen is not None and not self._closed:
                self._slot.append(chosen)
            self._condition.notify_all()
            return waiting

    def clear(self) -> T | None:
        """Empty the slot; returns the item that waited, if any."""
        with self._condition:
            item = self._slot.pop() if self._slot else None
            self._condition.notify_all()
            return item

    def wake(self) -> None:
        """Ask ``hold`` again."""
        with self._condition:
            self._condition.notify_all()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or runs."""
        with self._condition:
            return not self._slot and not self._busy

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Block until nothing waits or runs; False when ``timeout`` seconds pass first."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._slot and not self._busy, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Drop the waiting item, let the running one finish, end the thread; False when it did not end in time."""
        with self._condition:
            self._closed = True
            self._slot.clear()
            self._condition.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._wait_for_item()
                if self._closed:
                    return
                item = self._slot.pop()
                self._busy = True
            try:
                self._work(item)
            except Exception as error:  # no frame may end the thread
                self._on_error(error)
            finally:
                with self._condition:
                    self._busy = False
                    self._condition.notify_all()

    def _wait_for_item(self) -> None:
        while not self._closed:
            rest = self._hold() if self._slot else None
            if rest is not None and rest <= 0:
                return
            self._condition.wait(rest)
