"""Base class of the two lifecycle nodes: parameters, guarded transitions, diagnostics, autostart."""

from __future__ import annotations

import gc
import threading
import traceback
from collections.abc import Callable
from typing import Any
from typing import Generic
from typing import TypeVar

import psutil
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.process import trim_memory
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.messages.diagnostics import BUSY
from gsn_perception.ros.node.reporting_node import ReportingNode
from gsn_perception.ros.parameters import declaration as parameters
from gsn_perception.ros.streams.latest_slot import LatestItemWorker
from gsn_perception.ros.streams.subscriptions import StampOf
from gsn_perception.ros.streams.subscriptions import SubscriptionSet

S = TypeVar("S")
_SUCCESS, _FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class ManagedNode(ReportingNode, Generic[S]):
    """A lifecycle node whose transitions never fail silently, and that no exception of a callback ends.

    rclpy hides what a transition raises. Here it is logged, it goes into diagnostics, and the transition FAILS.
    Subclasses override :meth:`configure`, :meth:`activate`, :meth:`deactivate`, :meth:`cleanup`, :meth:`apply` and
    :meth:`waiting`. ``settings`` is replaced as a whole: a frame in work keeps the settings it began with.

    Args:
        name: Node name.
        settings: Dataclass of the parameters.
        options: For LifecycleNode.

    Raises:
        InputError: a parameter override is refused.
    """

    def __init__(self, name: str, settings: type[S], **options: Any) -> None:
        super().__init__(name, **options)
        self.is_configured = False
        self.is_active = False
        self.owns_process = False  # set by run(): the garbage collector may be tuned
        self._transition = threading.RLock()
        self.settings: S = parameters.declare(self, settings)
        self.waiting_group = MutuallyExclusiveCallbackGroup()  # services that wait: only one at a time blocks a thread
        self._process = psutil.Process()
        self._subscription_set = SubscriptionSet(self, lambda error: self.refuse("bad_message", error))
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # with use_sim_time, ROS time stands still until /clock comes
        self._diagnostics_timer = self.create_timer(1.0, self._publish_diagnostics, self.service_group, clock=steady)
        self.add_on_set_parameters_callback(self._on_parameters)
        for sentence in parameters.misspelt(self):
            self.remark(Remark("unknown_parameter", sentence))
        self._autostart_timer = None
        if getattr(self.settings, "autostart", False):
            self._autostart_timer = self.create_timer(0.01, self._autostart, clock=steady)

    def configure(self) -> None:
        """Load and allocate; create publishers."""

    def activate(self) -> None:
        """Subscribe."""

    def deactivate(self) -> None:
        """Unsubscribe, let the running job end, publish empties."""

    def cleanup(self) -> None:
        """Free everything; also called when configuring failed half-way."""

    def apply(self, settings: S) -> None:
        """Prepare for new settings, before ``settings`` is replaced. Raising InputError refuses them."""

    def waiting(self) -> str:
        """Why the active node can publish no result, as a sentence; empty when nothing is missing."""
        return ""

    def facts(self) -> dict[str, str]:
        """Further key-value pairs for diagnostics."""
        return {}

    def is_busy(self) -> bool:
        """Whether a job runs or waits."""
        return False

    def start(self) -> bool:
        """Configure and activate; False when either failed (the reason is logged and in diagnostics)."""
        with self._transition:
            return self.trigger_configure() == _SUCCESS and self.trigger_activate() == _SUCCESS

    def stop(self) -> None:
        """Deactivate and clean up, from any state; called before the node is destroyed."""
        with self._transition:
            if self.is_active:
                self.trigger_deactivate()
            if self.is_configured:
                self.trigger_cleanup()

    def subscribe(
        self,
        topic: Topic,
        callback: Callable[[Any], None],
        *,
        raw: bool = False,
        stamp_of: StampOf | None = None,
    ) -> Subscription:
        """Subscribe with the topic's QoS (overridable); a message whose callback raises is dropped with the reason.

        Args:
            topic: The topic.
            callback: Called with each message.
            raw: Whether messages stay serialised.
            stamp_of: Stamp of a message, nanoseconds. Where it is given, the callback gets the values of publishers in
                this process in place of their messages.
        """

        def guarded(message: Any) -> None:
            if not self.is_active:
                return
            self.diagnostics.count(topic.name)
            try:
                callback(message)
            except Exception as error:  # no message may end the node
                self.refuse("bad_message", error)

        if stamp_of is None:
            return self._subscription_set.subscribe(topic, guarded, raw=raw)
        return self._subscription_set.subscribe_local(topic, guarded, stamp_of=stamp_of, raw=raw)

    def unsubscribe(self) -> None:
        """Destroy every subscription of :meth:`subscribe`."""
        self._subscription_set.close()

    def drain(self, worker: LatestItemWorker[Any] | None) -> None:
        """Drop the waiting job and wait until the running one has ended."""
        if worker is not None:
            if worker.clear() is not None:
                self.diagnostics.drop("deactivated")
            worker.wait_idle()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`configure`."""

        def steps() -> None:
            self.configure()
            self.is_configured = True

        result = self._guard("configure", steps, lambda: super(ManagedNode, self).on_configure(state))
        if result == _SUCCESS and self.owns_process:
            gc.freeze()  # a full collection over the objects of all libraries would stop a frame for 0.2 s
        if result != _SUCCESS:
            self._guard("cleanup", self.cleanup, quiet=True)
            self.is_configured = False
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`activate`."""
        self.is_active = True  # set before the first message; timers and services may run while activate() runs
        result = self._guard("activate", lambda: super(ManagedNode, self).on_activate(state), self.activate)
        if result != _SUCCESS:
            self.is_active = False
            self._guard(
                "deactivate", self.unsubscribe, lambda: super(ManagedNode, self).on_deactivate(state), quiet=True
            )
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`deactivate`."""
        self.is_active = False
        return self._guard(
            "deactivate", self.unsubscribe, self.deactivate, lambda: super(ManagedNode, self).on_deactivate(state)
        )

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`cleanup`."""
        if self.owns_process:
            gc.unfreeze()  # so that what is freed now can be collected
        result = self._guard("cleanup", lambda: super(ManagedNode, self).on_cleanup(state), self.cleanup)
        self.is_configured = False
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any state: deactivate where active, then clean up."""
        if self.is_active:
            self.on_deactivate(state)
        if self.is_configured:
            self.on_cleanup(state)
        return _SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured."""
        return self.on_shutdown(state)

    def _guard(self, name: str, *steps: Callable[[], Any], quiet: bool = False) -> TransitionCallbackReturn:
        try:
            for step in steps:
                step()
        except Exception as error:  # rclpy would hide it
            sentence = str(error) if isinstance(error, InputError) else traceback.format_exc()
            self.get_logger().error(f"{name} failed: {sentence}")
            self.diagnostics.fail(f"{name} failed: {error}")
            return _FAILURE
        if not quiet:
            self.diagnostics.recover()
            self.get_logger().info(f"{name} done")
        return _SUCCESS

    def _on_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            settings = parameters.changed(self.settings, changes, configured=self.is_configured)
            if settings != self.settings:
                self.apply(settings)
                self.settings = settings
        except Exception as error:  # the old values stay
            self.warn(f"parameter refused: {error}")
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _autostart(self) -> None:
        assert self._autostart_timer is not None
        self.destroy_timer(self._autostart_timer)
        self.start()

    def _publish_diagnostics(self) -> None:
        state = "active" if self.is_active else "inactive" if self.is_configured else "unconfigured"
        self._subscription_set.check(self.report_incompatible_qos)
        waiting = self.waiting() if self.is_active else ""
        facts = {"memory_mb": f"{self._process.memory_info().rss / 1e6:.0f}", BUSY: str(self.is_busy()).lower()}
        now = self.get_clock().now().to_msg()
        self._diagnostics_publisher.publish(self.diagnostics.message(now, state, waiting, {**facts, **self.facts()}))
        if not self.is_busy():
            trim_memory()
