"""Pending service requests: a service callback waits here until a worker has its result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic
from typing import TypeVar

A = TypeVar("A")


class PendingRequest(Generic[A]):
    """One request that waits for an answer."""

    def __init__(self) -> None:
        self.asked = time.monotonic()
        self._event = threading.Event()
        self._answer: A | None = None

    def answer(self, answer: A) -> None:
        """Set the answer and wake the waiting thread."""
        self._answer = answer
        self._event.set()

    def wait(self, timeout: float) -> A | None:
        """The answer, or None when none came within ``timeout`` seconds."""
        return self._answer if self._event.wait(timeout) else None


class PendingRequests(Generic[A]):
    """The open requests; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[PendingRequest[A]] = []

    def __bool__(self) -> bool:
        with self._lock:
            return bool(self._open)

    def ask(self, timeout: float, begin: Callable[[], None] = lambda: None) -> A | None:
        """Wait for an answer, or None when none came within ``timeout`` seconds.

        Args:
            timeout: Seconds.
            begin: Called once the request is open, e.g. to start the work that answers it.
        """
        request = PendingRequest[A]()
        with self._lock:
            self._open.append(request)
        try:
            begin()
            return request.wait(timeout)
        finally:
            with self._lock:
                self._open = [other for other in self._open if other is not request]

    def answer(self, answer: A, *, seen: float | None = None) -> None:
        """Answer all requests, or those made before ``seen`` (monotonic seconds)."""
        with self._lock:
            served = [request for request in self._open if seen is None or request.asked <= seen]
            self._open = [request for request in self._open if request not in served]
        for request in served:
            request.answer(answer)
