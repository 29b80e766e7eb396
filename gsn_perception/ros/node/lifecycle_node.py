"""The common frame of the two lifecycle nodes: parameters, guarded transitions, diagnostics, autostart."""

from __future__ import annotations

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
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import qos_policy_name_from_kind
from rclpy.subscription import Subscription

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.node.diagnostics import BUSY
from gsn_perception.ros.node.diagnostics import Diagnostics
from gsn_perception.ros.node.guarded_callbacks import Failed
from gsn_perception.ros.node.guarded_callbacks import GuardedNode
from gsn_perception.ros.parameters import declaration as parameters
from gsn_perception.ros.results.publishers import Output
from gsn_perception.ros.streams.subscriptions import SubscriptionSet

S = TypeVar("S")
_SUCCESS, _FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class ManagedNode(GuardedNode, Generic[S]):
    """A lifecycle node whose transitions never fail silently, and that no callback ends.

    rclpy swallows what a transition raises; here it is logged, goes into diagnostics, and the transition FAILS.
    Subclasses override :meth:`configure`, :meth:`activate`, :meth:`deactivate`, :meth:`cleanup`, :meth:`apply` and
    :meth:`waiting`. ``settings`` is replaced as a whole, so a frame that began keeps what it began with.

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
        self._transition = threading.RLock()
        self.settings: S = parameters.declare(self, settings)
        self.service_group = ReentrantCallbackGroup()
        self.waiting_group = MutuallyExclusiveCallbackGroup()  # services that wait: one at a time holds a thread
        self._process = psutil.Process()
        self.diagnostics = Diagnostics(self.get_fully_qualified_name())
        self._subscription_set = SubscriptionSet(self, lambda error: self.refuse("bad_message", error))
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # with use_sim_time and no /clock yet, ROS time stands still
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
        """Free everything; must bear being called half-configured."""

    def apply(self, settings: S) -> None:
        """Prepare for new settings; called before they are swapped in. Raising InputError refuses them."""

    def waiting(self) -> str:
        """What keeps the active node from giving anything, as a sentence; empty when nothing does."""
        return ""

    def facts(self) -> dict[str, str]:
        """Further values for diagnostics."""
        return {}

    def is_busy(self) -> bool:
        """Whether a frame is worked on or waits for the worker."""
        return False

    def start(self) -> bool:
        """Configure and activate; False when either failed (the reason is logged and in diagnostics)."""
        with self._transition:
            return self.trigger_configure() == _SUCCESS and self.trigger_activate() == _SUCCESS

    def stop(self) -> None:
        """Bring the node down from whatever state it is in, before it is destroyed."""
        with self._transition:
            if self.is_active:
                self.trigger_deactivate()
            if self.is_configured:
                self.trigger_cleanup()

    def listen(self, topic: Topic, callback: Callable[[Any], None], *, raw: bool = False) -> Subscription:
        """Subscribe with the topic's QoS (overridable); messages that raise are dropped with the reason.

        With ``raw`` the callback gets the serialised message.
        """

        def guarded(message: Any) -> None:
            if not self.is_active:
                return
            self.diagnostics.count(topic.name)
            try:
                callback(message)
            except Exception as error:  # a node must outlive any message
                self.refuse("bad_message", error)

        return self._subscription_set.listen(topic, guarded, raw=raw)

    def make_output(self, topic: Topic, convert: Callable[[Any], Any]) -> Output[Any]:
        """A publisher of results (which say whether they are empty) that converts only when somebody listens."""
        return Output(
            self,
            topic,
            convert,
            group=self.service_group,
            on_publish=lambda name, result: self.diagnostics.publish(name, empty=result.is_empty),
            on_error=lambda error: self.refuse("conversion", error),
            on_incompatible=lambda event: self._incompatible(
                f"a subscriber of {topic.name} asks for", qos_policy_name_from_kind(event.last_policy_kind)
            ),
        )

    def unlisten(self) -> None:
        """Give every subscription of :meth:`listen` back."""
        self._subscription_set.close()

    def refuse(self, reason: str, error: Exception | str) -> str:
        """Count a drop, warn (throttled), and return the sentence. What is no InputError is a fault of ours."""
        known = isinstance(error, InputError | str)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        if not known and isinstance(error, Exception):
            self.get_logger().debug("".join(traceback.format_exception(error)))
        self.diagnostics.drop(reason, sentence)
        self.warn(f"{reason}: {sentence}")
        return sentence

    def on_failed(self, failed: Failed) -> str:
        """Log and count a callback that raised."""
        self.diagnostics.drop("callback", failed.sentence)
        return super().on_failed(failed)

    def remark(self, remark: Remark) -> None:
        """Count something doubtful that was answered all the same, and warn (throttled)."""
        self.diagnostics.remark(remark.code, remark.text)
        self.warn(f"remark {remark}")

    def warn(self, sentence: str) -> None:
        """A warning, at most one every two seconds."""
        self.get_logger().warning(sentence, throttle_duration_sec=2.0)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`configure`."""

        def steps() -> None:
            self.configure()
            self.is_configured = True

        result = self._guard("configure", steps, lambda: super(ManagedNode, self).on_configure(state))
        if result != _SUCCESS:
            self._guard("cleanup", self.cleanup, quiet=True)
            self.is_configured = False
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`activate`."""
        self.is_active = True  # before the first message comes; timers and services must bear a half-made node
        result = self._guard("activate", lambda: super(ManagedNode, self).on_activate(state), self.activate)
        if result != _SUCCESS:
            self.is_active = False
            self._guard("deactivate", self.unlisten, lambda: super(ManagedNode, self).on_deactivate(state), quiet=True)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`deactivate`."""
        self.is_active = False
        return self._guard(
            "deactivate", self.unlisten, self.deactivate, lambda: super(ManagedNode, self).on_deactivate(state)
        )

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See :meth:`cleanup`."""
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
        except Exception as error:  # rclpy would swallow it without a word
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
        except Exception as error:  # whatever is wrong with it, the old value stays
            self.warn(f"parameter refused: {error}")
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _autostart(self) -> None:
        assert self._autostart_timer is not None
        self.destroy_timer(self._autostart_timer)
        self.start()

    def _publish_diagnostics(self) -> None:
        state = "active" if self.is_active else "inactive" if self.is_configured else "unconfigured"
        self._subscription_set.check(self._incompatible)
        waiting = self.waiting() if self.is_active else ""
        facts = {"memory_mb": f"{self._process.memory_info().rss / 1e6:.0f}", BUSY: str(self.is_busy()).lower()}
        now = self.get_clock().now().to_msg()
        self._diagnostics_publisher.publish(self.diagnostics.message(now, state, waiting, {**facts, **self.facts()}))

    def _incompatible(self, who: str, policy: str) -> None:
        sentence = f"{who} incompatible QoS ({policy}); nothing will pass between us"
        self.warn(sentence)
        self.diagnostics.drop("incompatible_qos", sentence)
