"""The house's walls, read from the imports of every file.

1. Nothing below ``ros`` imports rclpy or a message package; and nothing outside ``ros`` and ``nodes`` does.
2. geometry, rendering, gsn and training import neither Open3D, trimesh nor ROS; the heavy libraries stay out of what is
   imported by importing the package.
3. What may be missing on a machine is guarded in ``ros/optional.py`` alone.

A floor imports only floors below it, no two files import each other, directly or around a circle, and folders, files and
functions stay small enough to be read.
"""

import ast
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

PACKAGE = "gsn_perception"
ROOT = Path(__file__).resolve().parents[1] / PACKAGE
FLOORS = {
    "kernel_cache": 1,
    "late": 1,
    "process": 1,
    "geometry": 1,
    "io": 1,
    "engines": 1,
    "gsn": 2,
    "surface": 2,
    "grasping": 2,
    "rendering": 2,
    "segmentation": 2,
    "training": 2,
    "evaluation": 2,
    "scenes": 2,
    "weights": 2,
    "pipeline": 3,
    "ros": 4,
    "nodes": 5,
    "cli": 5,
    "viewer": 5,
}
# Gaussians.render is part of the public face; it imports the renderer when it is called.
EXCEPTIONS = {("geometry/gaussians.py", "gsn_perception.rendering", "lazy")}
ROS = {"rclpy", "tf2_ros", "tf2_msgs", "cv_bridge", "launch", "launch_ros", "rosidl_runtime_py", "ament_index_python"}
MAY_BE_MISSING = {"cv_bridge", "tf2_ros", "moveit_msgs"}
BARE = ("geometry", "rendering", "gsn", "training")
NOT_BARE = {"open3d", "trimesh", "viser", "mujoco", "coacd", "skimage", "rosbags"}


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    module: str
    lazy: bool
    guarded: bool

    @property
    def top(self):
        return self.module.split(".")[0]

    def __str__(self):
        return f"{PACKAGE}/{self.file}:{self.line} imports {self.module}"


def room(name):
    """The first folder or module of a path or dotted name inside the package."""
    return name.removesuffix(".py").replace("/", ".").split(".")[0]


def imports_of(text, file):
    """Every import statement of a file; those under TYPE_CHECKING cost nothing at run time and are left out."""
    found = []

    def visit(node, *, lazy, guarded):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                visit(child, lazy=lazy, guarded=guarded)
            return
        if isinstance(node, ast.Import):
            found.extend(Import(file, node.lineno, alias.name, lazy, guarded) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = [PACKAGE, *Path(file).parts]
                base = ".".join([*parts[: len(parts) - node.level], *([base] if base else [])])
            deeper = base == PACKAGE
            names = [f"{base}.{alias.name}" for alias in node.names] if deeper else [base]
            found.extend(Import(file, node.lineno, name, lazy, guarded) for name in names)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        catches = isinstance(node, ast.Try) and any(
            word in ast.unparse(handler) for handler in node.handlers for word in ("ImportError", "ModuleNotFound")
        )
        for child in ast.iter_child_nodes(node):
            visit(child, lazy=lazy or inside, guarded=guarded or catches)

    visit(ast.parse(text), lazy=False, guarded=False)
    return found


def all_imports():
    files = sorted(path for path in ROOT.rglob("*.py"))
    return [entry for path in files for entry in imports_of(path.read_text(), str(path.relative_to(ROOT)))]


IMPORTS = all_imports()


def is_ros(entry):
    return entry.top in ROS or entry.top.endswith(("_msgs", "_srvs", "_interfaces"))


def told(offenders):
    return "\n".join(sorted({str(entry) for entry in offenders}))


def test_every_room_has_a_floor():
    rooms = {room(str(path.relative_to(ROOT))) for path in ROOT.rglob("*.py")} - {"__init__"}
    assert rooms <= set(FLOORS), f"give {rooms - set(FLOORS)} a floor in this test and in docs/architecture.md"


def test_a_floor_imports_only_floors_below_it():
    offenders = []
    for entry in IMPORTS:
        if entry.top != PACKAGE or room(entry.file) == "__init__" or "." not in entry.module:
            continue
        here, there = room(entry.file), room(entry.module.removeprefix(PACKAGE + "."))
        allowed = (entry.file, entry.module, "lazy" if entry.lazy else "eager") in EXCEPTIONS
        if there in FLOORS and FLOORS[there] > FLOORS[here] and not allowed:
            offenders.append(entry)
    assert not offenders, told(offenders)


def known_modules():
    """Dotted names of the package's modules and their files."""
    names = {}
    for path in ROOT.rglob("*.py"):
        parts = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def import_graph(sources):
    """Module -> modules it imports, lazily or not, without the exceptions; ``sources`` maps modules to their text."""
    graph = {}
    for name, text in sources.items():
        file = name.removeprefix(PACKAGE + ".").replace(".", "/") + ".py"
        graph[name] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                wanted = [f"{node.module}.{alias.name}" for alias in node.names]
                wanted = [full if full in sources else node.module for full in wanted]
            elif isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            else:
                continue
            graph[name] |= {w for w in wanted if w in sources and w != name and (file, w, "lazy") not in EXCEPTIONS}
    return graph


def circles(graph):
    """The strongly connected components of more than one module."""
    index = {name: number for number, name in enumerate(graph)}
    rows, columns = zip(*[(index[a], index[b]) for a in graph for b in graph[a]], strict=True)
    adjacency = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(graph), len(graph)))
    _, labels = connected_components(adjacency, connection="strong")
    groups = {}
    for name, label in zip(graph, labels, strict=True):
        groups.setdefault(label, []).append(name)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def test_no_files_import_each_other():
    found = circles(import_graph({name: path.read_text() for name, path in known_modules().items()}))
    assert found == []


def test_circles_are_seen():
    sources = {
        f"{PACKAGE}.a.x": f"from {PACKAGE}.a import y",
        f"{PACKAGE}.a.y": f"def f():\n    from {PACKAGE}.b import Z",
        f"{PACKAGE}.b": f"import {PACKAGE}.a.x",
        f"{PACKAGE}.c": f"from {PACKAGE}.b import Z",
    }
    assert circles(import_graph(sources)) == [[f"{PACKAGE}.a.x", f"{PACKAGE}.a.y", f"{PACKAGE}.b"]]


def test_folders_files_and_functions_stay_small():
    folders = {path.parent for path in ROOT.rglob("*.py")}
    crowded = {str(f.relative_to(ROOT)): n for f in folders if (n := sum(p.is_file() for p in f.iterdir())) > 14}
    assert crowded == {}
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in ROOT.rglob("*.py")}
    lengths = {name: text.count("\n") for name, text in texts.items()}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
    assert statistics.median(lengths.values()) <= 110
    long = []
    for name, text in texts.items():
        functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        long += [f"{name}: {f.name}" for f in functions if (f.end_lineno or 0) - f.lineno >= 60]
    assert long == []


def test_only_ros_and_nodes_know_ros():
    offenders = [e for e in IMPORTS if is_ros(e) and room(e.file) not in ("ros", "nodes")]
    assert not offenders, told(offenders)


def test_nothing_below_the_pipeline_reaches_ros_through_our_own_modules():
    offenders = [
        e for e in IMPORTS if e.module.startswith((f"{PACKAGE}.ros", f"{PACKAGE}.nodes"))
        and FLOORS.get(room(e.file), 0) < FLOORS["ros"]
    ]  # fmt: skip
    assert not offenders, told(offenders)


def test_a_bare_machine_can_train():
    offenders = [e for e in IMPORTS if room(e.file) in BARE and (e.top in NOT_BARE or is_ros(e))]
    assert not offenders, told(offenders)


def test_what_may_be_missing_is_guarded_in_one_module():
    offenders = [e for e in IMPORTS if e.file != "ros/optional.py" and (e.top in MAY_BE_MISSING or e.guarded)]
    assert not offenders, told(offenders)


def test_the_reader_sees_what_it_should():
    text = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rclpy\n"
        "from .camera import Camera\nfrom gsn_perception import io\n"
        "def f():\n    import open3d.core\n"
        "try:\n    import cv_bridge\nexcept ImportError:\n    pass\n"
    )
    found = {(e.module, e.lazy, e.guarded) for e in imports_of(text, "geometry/mesh.py")}
    assert found == {
        ("typing", False, False),
        ("gsn_perception.geometry.camera", False, False),
        ("gsn_perception.io", False, False),
        ("open3d.core", True, False),
        ("cv_bridge", False, True),
    }


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("gsn_perception", "torch numpy cv2 open3d trimesh numba viser rclpy"),
        (
            "gsn_perception.training.trainer, gsn_perception.gsn.network, gsn_perception.rendering, "
            "gsn_perception.training.surface.convonet, gsn_perception.training.surface.onet, "
            "gsn_perception.training.surface.peif",
            "open3d trimesh rclpy viser mujoco skimage rosbags",
        ),
        ("gsn_perception.io", "open3d trimesh numba viser rclpy mujoco skimage lightning_fabric gsplat"),
        ("gsn_perception.cli.main", "torch numpy cv2 open3d trimesh numba viser rclpy tyro"),
    ],
)
def test_importing_a_room_does_not_load_what_it_does_not_need(module, absent):
    script = f"import sys, {module}; print(*sorted(set({absent.split()!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == []
