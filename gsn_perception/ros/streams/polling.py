"""Polls subscriptions in a thread of their own instead of in the executor.

rclpy's executor builds its wait set in Python for every message. With a 30 Hz RGB-D camera it then takes a full core
under the interpreter lock and slows the worker about ten times. Polling every few milliseconds misses nothing with
queues of a few messages, also on a busy machine; deep queues, as of /tf, are emptied in each round.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.subscription import Subscription

PERIOD = 0.004
_ROUND = 1000  # most messages of one subscription in one round
Take = Callable[[Any, int], None]
_InvalidHandle = rclpy_implementation.InvalidHandle


class PolledGroup(CallbackGroup):
    """Callback group of subscriptions that a :class:`Poller` takes from; the executor does not wait for them."""

    def can_execute(self, entity: Any) -> bool:
        """Never by the executor."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """Never by the executor."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """Nothing to do."""


class Poller:
    """Takes the messages of its subscriptions, one callback at a time.

    Args:
        on_error: Called with the exception of a callback, or of a message that can't be deserialised.
    """

    def __init__(self, on_error: Callable[[Exception], object] = lambda error: None) -> None:
        self._on_error = on_error
        self._entries: dict[Subscription, tuple[Take, int]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, subscription: Subscription, callback: Take, *, every: bool = False) -> None:
        """Poll a subscription.

        Args:
            subscription: Of a :class:`PolledGroup`.
            callback: Called with each message and its time of sending (nanoseconds, 0: unknown).
            every: Take all waiting messages in a round, not just one.
        """
        with self._lock:
            self._entries[subscription] = callback, _ROUND if every else 1
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="gsn-inputs", daemon=True)
            self._thread.start()

    def remove(self, subscription: Subscription) -> None:
        """Stop polling a subscription; may be called from a callback."""
        with self._lock:
            self._entries.pop(subscription, None)

    def close(self) -> None:
        """Stop polling; no callback runs after this returns, except one that calls it."""
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
                    except Exception as error:  # the other subscriptions and the next messages must still be taken
                        self._on_error(error)


def _take(subscription: Subscription) -> tuple[Any, dict[str, int]] | None:
    """The next message and its middleware information; None without one, or when the subscription is destroyed."""
    try:
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    except _InvalidHandle:
        return None
    return None if taken is None else (taken[0], taken[1])
