"""Lifecycle node whose timers, subscriptions, services and events catch the exceptions of their callbacks."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from gsn_perception.geometry import InputError

_MARK = "is_guarded"


@dataclass(frozen=True, slots=True)
class CallbackFailure:
    """An exception of a callback.

    Attributes:
        what: E.g. ``the timer's callback``.
        error: As raised.
    """

    what: str
    error: Exception

    @property
    def sentence(self) -> str:
        """For the user."""
        kind = "" if isinstance(self.error, InputError) else f"{type(self.error).__name__}: "
        return f"{self.what} failed: {kind}{self.error}"

    @property
    def report(self) -> str:
        """For the log: with the traceback, unless it is a refusal (InputError, or rclpy's of a transition)."""
        known = isinstance(self.error, InputError | rclpy_implementation.RCLError)
        return self.sentence if known else f"{self.sentence}\n{''.join(traceback.format_exception(self.error))}"


def guarded(callback: Callable[..., Any], what: str, on_error: Callable[[CallbackFailure], str]) -> Callable[..., Any]:
    """The callback, wrapped so that an exception calls ``on_error`` instead of leaving it.

    A service still returns its response, so that the client does not wait for ever; ``success`` and ``message`` are set
    where it has them. Coroutines are not wrapped.
    """
    if iscoroutinefunction(callback) or hasattr(callback, _MARK):
        return callback

    @wraps(callback)
    def wrapper(*arguments: Any) -> Any:
        try:
            return callback(*arguments)
        except Exception as error:  # the executor would raise it from spin, which ends the process
            sentence = on_error(CallbackFailure(what, error))
            response = arguments[-1] if len(arguments) == 2 else None
            for field, value in (("success", False), ("message", sentence)):
                if hasattr(response, field):
                    setattr(response, field, value)
            return response

    setattr(wrapper, _MARK, True)
    return wrapper


class GuardedNode(LifecycleNode):
    """A lifecycle node that no exception of a callback ends, rclpy's own callbacks included.

    rclpy's transition services raise when a transition is impossible in the current state. They and the parameter
    services are created by rclpy's constructor and wrapped after it.
    """

    _is_ending = False

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        for service in self.services:
            service.callback = self.guard(service.callback, f"the callback of {service.srv_name}")

    def destroy_node(self) -> None:
        """As in rclpy; a callback that still runs and finds a publisher or timer destroyed is no failure."""
        self._is_ending = True
        super().destroy_node()

    def on_failed(self, failed: CallbackFailure) -> str:
        """Log the exception; returns the sentence."""
        self.get_logger().error(failed.report, throttle_duration_sec=2.0)
        return failed.sentence

    def guard(self, callback: Callable[..., Any], what: str) -> Callable[..., Any]:
        """The guarded callback, e.g. for another thread."""
        return guarded(callback, what, self._failed)

    def create_timer(self, timer_period_sec: float, callback: Callable[..., Any], *rest: Any, **options: Any) -> Timer:
        """As in rclpy, with a guarded callback."""
        return super().create_timer(timer_period_sec, self.guard(callback, "a timer's callback"), *rest, **options)

    def create_service(  # type: ignore[override]
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], **options: Any
    ) -> Service:
        """As in rclpy, with a guarded callback."""
        call = self.guard(callback, f"the callback of {srv_name}")
        return super().create_service(srv_type, srv_name, call, **options)

    def create_subscription(  # type: ignore[override]
        self, msg_type: Any, topic: str, callback: Callable[..., Any], qos_profile: QoSProfile | int, **options: Any
    ) -> Subscription:
        """As in rclpy, with a guarded callback."""
        self._guard_events(topic, options)
        call = self.guard(callback, f"the callback of {topic}")
        return super().create_subscription(msg_type, topic, call, qos_profile, **options)

    def create_lifecycle_publisher(self, msg_type: Any, topic: str, *rest: Any, **options: Any) -> Publisher:
        """As in rclpy, with a guarded callback."""
        self._guard_events(topic, options)
        return super().create_lifecycle_publisher(msg_type, topic, *rest, **options)

    def _failed(self, failed: CallbackFailure) -> str:
        is_late = self._is_ending and isinstance(failed.error, rclpy_implementation.InvalidHandle)
        return failed.sentence if is_late else self.on_failed(failed)

    def _guard_events(self, topic: str, options: dict[str, Any]) -> None:
        events: PublisherEventCallbacks | SubscriptionEventCallbacks | None = options.get("event_callbacks")
        for name, callback in [] if events is None else list(vars(events).items()):
            if callable(callback):
                setattr(events, name, self.guard(callback, f"the event {name} of {topic}"))
