"""package.xml names what the code imports, by keys that exist."""

import ast
import importlib.metadata
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Looked up in ros/rosdistro (August 2026): packages of jazzy/distribution.yaml and of kilted/distribution.yaml ...
IN_DISTRIBUTION = """
rclpy lifecycle_msgs sensor_msgs geometry_msgs visualization_msgs shape_msgs std_msgs rosgraph_msgs rcl_interfaces
std_srvs diagnostic_msgs builtin_interfaces cv_bridge tf2_ros tf2_ros_py tf2_msgs tf2_py launch launch_ros ros2launch
launch_testing rviz2 ament_index_python moveit_msgs vision_msgs
"""
# ... and keys of rosdep/python.yaml with a rule for Ubuntu.
IN_ROSDEP = """
python3-numpy python3-scipy python3-opencv python3-yaml python3-psutil python3-matplotlib python3-pil python3-tqdm
python3-pytorch-pip python3-open3d-pip python3-numba python3-skimage python3-trimesh-pip python3-rtree
python3-rosbags-pip python3-pytest
"""
OTHER_NAME = {  # imported as: key
    "tf2_ros": "tf2_ros_py",  # tf2_ros is the C++ library
    "numpy": "python3-numpy",
    "scipy": "python3-scipy",
    "cv2": "python3-opencv",
    "yaml": "python3-yaml",
    "psutil": "python3-psutil",
    "matplotlib": "python3-matplotlib",
    "PIL": "python3-pil",
    "tqdm": "python3-tqdm",
    "torch": "python3-pytorch-pip",
    "open3d": "python3-open3d-pip",
    "numba": "python3-numba",
    "skimage": "python3-skimage",
    "trimesh": "python3-trimesh-pip",
    "rosbags": "python3-rosbags-pip",
}
OPTIONAL = {"cv_bridge", "moveit_msgs"}  # used where they are installed; ros/optional.py says what to install
BESIDE = {"trajectory_msgs", "yolo_msgs"}  # comes with moveit_msgs; built from source, no distribution has it
PIP_EXTRAS = {"mujoco", "coacd", "openvino"}  # the extras `physics` and `openvino`
CALLS = ("require", "find")  # of ros/optional.py


def declared(kind="exec_depend"):
    return {element.text for element in ET.parse(ROOT / "package.xml").getroot().iter(kind)}


def imported():
    """Top-level module to one file that imports it; also by name through ros/optional.py."""
    found = {}
    for path in [*(ROOT / "gsn_perception").rglob("*.py"), *(ROOT / "launch").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in CALLS:
                owner = getattr(node.func, "value", None)
                if getattr(owner, "id", "") == "optional" and isinstance(node.args[0], ast.Constant):
                    names = [node.args[0].value]
            for name in names:
                found.setdefault(name.split(".")[0], str(path.relative_to(ROOT)))
    return {n: f for n, f in found.items() if n not in sys.stdlib_module_names and n != "gsn_perception"}


def pip_modules():
    """Modules of the distributions that setup.py requires without a rosdep key."""
    text = (ROOT / "setup.py").read_text().split('"""')[1]
    wanted = {word.split(">=")[0].lower().replace("_", "-") for word in text.split()}
    owners = importlib.metadata.packages_distributions()
    return {m for m, names in owners.items() if wanted & {n.lower().replace("_", "-") for n in names}}


def test_every_import_is_declared():
    keys = declared()
    missing = {
        f"{file} imports {name}: declare {OTHER_NAME.get(name, name)}"
        for name, file in imported().items()
        if OTHER_NAME.get(name, name) not in keys and name not in OPTIONAL | BESIDE | PIP_EXTRAS | pip_modules()
    }
    assert not missing, "\n".join(sorted(missing))


def test_what_the_reader_of_imports_must_find():
    found = imported()
    assert {"rclpy", "tf2_ros", "cv_bridge", "moveit_msgs", "launch_ros", "builtin_interfaces", "cv2"} <= set(found)


def test_every_key_exists():
    for kind in ("exec_depend", "test_depend"):
        assert declared(kind) - set(IN_DISTRIBUTION.split()) - set(IN_ROSDEP.split()) == set()


def test_what_is_optional_is_not_demanded_and_has_its_sentence():
    from gsn_perception.ros import optional

    assert declared() & OPTIONAL == set()
    for name in OPTIONAL:
        assert "sudo apt install" in optional._SENTENCES[name]
    remark = re.search(r"<!-- used where they are installed:(.*?)-->", (ROOT / "package.xml").read_text())[1]
    assert all(name in remark for name in OPTIONAL)


def test_what_has_no_key_is_named_and_in_the_requirements():
    text = re.search(r"without a rosdep key(.*?)-->", (ROOT / "package.xml").read_text(), flags=re.DOTALL)[1]
    named = set(re.findall(r"[a-z0-9-]+", text.split(":")[1].split("pip install")[0]))
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line
    }
    assert named <= pinned
    by_key = {"opencv-python-headless", "scikit-image", "pyyaml", "pillow", "setuptools", "rosbags", "torch", "rtree"}
    assert {p for p in pinned if p not in by_key and OTHER_NAME.get(p, "") not in declared()} == named
