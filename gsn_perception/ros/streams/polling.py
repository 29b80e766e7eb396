"""Input messages taken by a thread of their own instead of by the executor.

rclpy's executor builds its wait set anew for every message, in Python: a 30 Hz RGB-D camera keeps it at a full core of
the interpreter lock and slows the worker by an order of magnitude. With queues of a few messages nothing is missed by
looking every few milliseconds, nor where a busy machine lets us look less often; deep ones, as of /tf, are emptied.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.subscription import Subscription

PERIOD = 0.004
_ROUND = 1000  # messages of one subscription at most before the others' turn
Take = Callable[[Any, int], None]
_InvalidHandle = rclpy_implementation.InvalidHandle


class PolledGroup(CallbackGroup):
    """Subscriptions of this group are left to a :class:`Poller`: the executor does not wait for them."""

    def can_execute(self, entity: Any) -> bool:
        """Never by the executor."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """Never by the executor."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """Nothing to give back."""


class Poller:
    """Takes the messages of every subscription, one callback at a time.

    Args:
        on_error: Called with what taking a message (one that can't be made into Python) or a callback raised.
    """

    def __init__(self, on_error: Callable[[Exception], object] = lambda error: None) -> None:
        self._on_error = on_error
        self._entries: dict[Subscription, tuple[Take, int]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, subscription: Subscription, callback: Take, *, every: bool = False) -> None:
        """Look after a subscription.

        Args:
            subscription: Of a :class:`PolledGroup`.
            callback: Gets each message and when it was sent (nanoseconds, 0: unknown).
            every: Take all that has come in a round, not just one message.
        """
        with self._lock:
            self._entries[subscription] = callback, _ROUND if every else 1
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="gsn-inputs", daemon=True)
            self._thread.start()

    def remove(self, subscription: Subscription) -> None:
        """Forget one; a callback may call it."""
        with self._lock:
            self._entries.pop(subscription, None)

    def close(self) -> None:
        """Forget all subscriptions; no callback runs once this returns, unless it is called by one."""
        with self._lock:
            self._entries.clear()
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        stop = self._stop
        while not stop.wait(PERIOD):
            with self._lock:
                entries = list(self._entries.items())
            for subscription, (callback, most) in entries:
                for _ in range(most):
                    try:
                        taken = _take(subscription)
                        if taken is None or stop.is_set():
                            break
                        callback(taken[0], taken[1].get("source_timestamp", 0))
                    except Exception as error:  # the other inputs, and the next message, must still be heard
                        self._on_error(error)


def _take(subscription: Subscription) -> tuple[Any, dict[str, int]] | None:
    """The next message and what the middleware knows of it; None where there is none or no subscription any more."""
    try:
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    except _InvalidHandle:
        return None
    return None if taken is None else (taken[0], taken[1])
