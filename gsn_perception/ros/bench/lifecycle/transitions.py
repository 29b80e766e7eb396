"""Client of a lifecycle node's transitions (change_state)."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE


class Transitions:
    """Requests transitions of a node, from a DDS participant of its own.

    Args:
        node: Absolute name of the node.
        domain: DDS domain.
    """

    def __init__(self, node: str, domain: int) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("gsn_transitions", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._client = self._node.create_client(ChangeState, f"{node}/change_state")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(timeout_sec=1)
        self._node.destroy_node()
        self._context.try_shutdown()

    def change(self, transition: int, timeout: float) -> bool:
        """Request a transition; False where it failed or was not answered within ``timeout`` seconds."""
        if not self._client.wait_for_service(timeout):
            return False
        future = self._client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        self._executor.spin_until_future_complete(future, timeout)
        answer = future.result() if future.done() else None
        return answer is not None and bool(answer.success)
