"""A lifecycle node that counts refusals, remarks and failures in its diagnostics and logs them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import qos_policy_name_from_kind

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Remark
from gsn_perception.ros.interface import Topic
from gsn_perception.ros.node.diagnostics import Diagnostics
from gsn_perception.ros.node.guarded_callbacks import CallbackFailure
from gsn_perception.ros.node.guarded_callbacks import GuardedNode
from gsn_perception.ros.results.lazy_publisher import LazyPublisher


class ReportingNode(GuardedNode):
    """A guarded node with :class:`Diagnostics`; every warning is throttled.

    Args:
        name: Node name.
        options: For LifecycleNode.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self.diagnostics = Diagnostics(self.get_fully_qualified_name())
        self.service_group = ReentrantCallbackGroup()

    def refuse(self, reason: str, error: Exception | str) -> str:
        """Count a dropped item, warn, and return the sentence.

        An exception other than InputError is a fault of this package; its traceback is logged at level debug.
        """
        known = isinstance(error, InputError | str)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        if not known and isinstance(error, Exception):
            self.get_logger().debug("".join(traceback.format_exception(error)))
        self.diagnostics.drop(reason, sentence)
        self.warn(f"{reason}: {sentence}")
        return sentence

    def make_output(
        self, topic: Topic, convert: Callable[[Any], Any], share: Callable[[Any], Any] | None = None
    ) -> LazyPublisher[Any]:
        """A publisher that converts only while there is a subscriber; results have ``is_empty``.

        ``share`` makes what subscribers in this process get in place of the message.
        """
        return LazyPublisher(
            self,
            topic,
            convert,
            group=self.service_group,
            on_publish=lambda name, result: self.diagnostics.publish(name, empty=result.is_empty),
            share=share,
            on_error=lambda error: self.refuse("conversion", error),
            on_incompatible=lambda event: self.report_incompatible_qos(
                f"a subscriber of {topic.name} asks for", qos_policy_name_from_kind(event.last_policy_kind)
            ),
        )

    def publish_guarded(self, send: Callable[[Any], None], result: Any) -> None:
        """Send a result to one output; an exception is counted, so that the other outputs are still published."""
        try:
            send(result)
        except Exception as error:
            self.refuse("conversion", error)

    def on_failed(self, failed: CallbackFailure) -> str:
        """Log and count a callback that raised."""
        self.diagnostics.drop("callback", failed.sentence)
        return super().on_failed(failed)

    def remark(self, remark: Remark) -> None:
        """Count a doubt about an input or a result that was used all the same, and warn."""
        self.diagnostics.remark(remark.code, remark.text)
        self.warn(f"remark {remark}")

    def warn(self, sentence: str) -> None:
        """Log a warning, at most one every two seconds."""
        self.get_logger().warning(sentence, throttle_duration_sec=2.0)

    def report_incompatible_qos(self, subject: str, policy: str) -> None:
        """Count and warn that no message passes because of QoS; ``subject`` begins the sentence."""
        sentence = f"{subject} incompatible QoS ({policy}); nothing will pass between us"
        self.warn(sentence)
        self.diagnostics.drop("incompatible_qos", sentence)
