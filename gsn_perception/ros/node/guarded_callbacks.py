"""No exception of a callback ends a node: every timer, subscription, service and event is made through here."""

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
class Failed:
    """What a callback raised.

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
        """For the log: with where it was raised, unless it is a refusal (InputError, or rclpy's of a transition)."""
        known = isinstance(self.error, InputError | rclpy_implementation.RCLError)
        return self.sentence if known else f"{self.sentence}\n{''.join(traceback.format_exception(self.error))}"


def guarded(callback: Callable[..., Any], what: str, on_error: Callable[[Failed], str]) -> Callable[..., Any]:
    """The callback, which answers an exception by ``on_error`` instead of raising it.

    A service's answer is its response, with ``success`` and ``message`` told where it has them: who called must not wait
    in vain. Coroutines, which nothing here is, stay as they are.
    """
    if iscoroutinefunction(callback) or hasattr(callback, _MARK):
        return callback

    @wraps(callback)
    def wrapper(*arguments: Any) -> Any:
        try:
            return callback(*arguments)
        except Exception as error:  # the executor would raise it from spin, which ends the process
            sentence = on_error(Failed(what, error))
            response = arguments[-1] if len(arguments) == 2 else None
            for field, value in (("success", False), ("message", sentence)):
                if hasattr(response, field):
                    setattr(response, field, value)
            return response

    setattr(wrapper, _MARK, True)
    return wrapper


class GuardedNode(LifecycleNode):
    """A lifecycle node that outlives its callbacks, rclpy's own included.

    rclpy's services for transitions raise where the transition is not possible in the present state; they and those
    for parameters are made by its constructor and are wrapped after it.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        for service in self.services:
            service.callback = guarded(service.callback, f"the callback of {service.srv_name}", self.on_failed)

    def on_failed(self, failed: Failed) -> str:
        """Tell of it; the sentence."""
        self.get_logger().error(failed.report, throttle_duration_sec=2.0)
        return failed.sentence

    def guard(self, callback: Callable[..., Any], what: str) -> Callable[..., Any]:
        """The callback as it may be given to a thread."""
        return guarded(callback, what, self.on_failed)

    def create_timer(self, timer_period_sec: float, callback: Callable[..., Any], *rest: Any, **options: Any) -> Timer:
        """As rclpy's, guarded."""
        return super().create_timer(timer_period_sec, self.guard(callback, "a timer's callback"), *rest, **options)

    def create_service(  # type: ignore[override]
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], **options: Any
    ) -> Service:
        """As rclpy's, guarded."""
        call = self.guard(callback, f"the callback of {srv_name}")
        return super().create_service(srv_type, srv_name, call, **options)

    def create_subscription(  # type: ignore[override]
        self, msg_type: Any, topic: str, callback: Callable[..., Any], qos_profile: QoSProfile | int, **options: Any
    ) -> Subscription:
        """As rclpy's, guarded."""
        self._guard_events(topic, options)
        call = self.guard(callback, f"the callback of {topic}")
        return super().create_subscription(msg_type, topic, call, qos_profile, **options)

    def create_lifecycle_publisher(self, msg_type: Any, topic: str, *rest: Any, **options: Any) -> Publisher:
        """As rclpy's, guarded."""
        self._guard_events(topic, options)
        return super().create_lifecycle_publisher(msg_type, topic, *rest, **options)

    def _guard_events(self, topic: str, options: dict[str, Any]) -> None:
        events: PublisherEventCallbacks | SubscriptionEventCallbacks | None = options.get("event_callbacks")
        for name, callback in [] if events is None else list(vars(events).items()):
            if callable(callback):
                setattr(events, name, self.guard(callback, f"the event {name} of {topic}"))
