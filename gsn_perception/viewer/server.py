"""The web server of the viewer (viser): finds a free port, draws the results and builds the control panel."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import socket

import viser

from gsn_perception.geometry import InputError
from gsn_perception.grasping import Gripper
from gsn_perception.viewer.panel import build_panel
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.scene import draw_scene
from gsn_perception.viewer.scene import set_initial_camera

_LAST_PORT = 65535
_PORTS = 50  # number of ports to try


def start_viewer(results: Results, gripper: Gripper, *, host: str = "127.0.0.1", port: int = 8080) -> viser.ViserServer:
    """Serve the viewer; it runs in its own threads until ``stop()``.

    Args:
        results: What to draw, in one frame with optical axes (y down).
        gripper: Drawn at the grasps.
        host: Address to listen on.
        port: First port to try; the next free one is used when it is in use.

    Raises:
        InputError: the address cannot be listened on.
    """
    port = free_port(host, port)
    # browsers open connections in advance and close them unused; websockets logs a traceback for each
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    with contextlib.redirect_stdout(io.StringIO()):  # viser prints a banner; the command prints the address
        server = viser.ViserServer(host=host, port=port, verbose=False)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    server.scene.set_up_direction(results.up)
    nodes = draw_scene(server, results, gripper)
    build_panel(server, results, gripper, nodes)
    set_initial_camera(server, results, gripper, nodes.order)
    return server


def free_port(host: str, port: int) -> int:
    """The first free port from ``port`` on; viser would wait forever where there is none.

    Raises:
        InputError: the host is not an address of this machine, or no port is free.
    """
    if not 0 <= port <= _LAST_PORT:
        raise InputError(f"there is no port {port}; choose one from 1 to {_LAST_PORT}")
    complaint: OSError | None = None
    for attempt in range(port, min(port + _PORTS, _LAST_PORT + 1)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, attempt, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                return attempt if attempt else int(probe.getsockname()[1])
        except OSError as error:
            complaint = complaint or error
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                break
    raise InputError(f"cannot serve on {host}:{port} ({complaint}); choose another --host or --port")
