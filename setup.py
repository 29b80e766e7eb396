from glob import glob

from setuptools import find_packages
from setuptools import setup

NAME = "gsn_perception"
MESSAGES = ("sensor-msgs", "geometry-msgs", "visualization-msgs", "shape-msgs", "diagnostic-msgs", "std-srvs")
# ROS 2 without a ROS installation; on a robot the system's packages are used
JAZZY = ["ros-rclpy[fastrtps]==7.1.6", *(f"ros-{name}==5.3.6" for name in MESSAGES)]
KILTED = ["ros-kilted-rclpy[fastrtps]==9.1.2", *(f"ros-kilted-{name}==5.5.1" for name in MESSAGES)]
REQUIREMENTS = """
torch>=2.4 numpy>=1.26 scipy>=1.11 numba>=0.60 opencv-python-headless>=4.8 open3d>=0.18 trimesh>=4.4 rtree>=1.2
scikit-image>=0.22 fast-simplification>=0.2 gsplat>=1.4 lightning-fabric>=2.2 safetensors>=0.4 tyro>=0.9 tqdm>=4.60
pyyaml>=6 pillow>=10 matplotlib>=3.8 tensorboard>=2.14 viser>=1.1 websockets>=13 psutil>=5.9 rosbags>=0.10 mcap>=1.1
zstandard>=0.19
"""

setup(
    name=NAME,
    version="0.1.0",
    description="One image in; Gaussian splat, watertight mesh and ranked grasps out, in metres (ROS 2, Python, CLI)",
    license="Apache-2.0",
    maintainer="gsn_perception contributors",
    maintainer_email="gsn_perception@example.org",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "weights/*"], f"{NAME}.grasping": ["grippers/*.yaml", "score.json"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", glob("launch/*")),
        (f"share/{NAME}/config", glob("config/*")),
    ],
    python_requires=">=3.11",
    install_requires=REQUIREMENTS.split(),
    extras_require={
        "ros": JAZZY,
        "ros-kilted": KILTED,
        "openvino": ["openvino>=2025.1"],
        "physics": ["mujoco>=3.2", "coacd>=1.0.4"],
        "dev": ["pytest>=8", "hypothesis>=6", "ruff>=0.6", "mypy>=1.10", "pre-commit>=3", "build>=1"],
    },
    entry_points={
        "console_scripts": [
            f"gsn = {NAME}.cli.main:main",
            *(f"{name} = {NAME}.nodes.executables:{name}" for name in ("reconstruction_node", "grasp_node")),
            *(f"{name} = {NAME}.nodes.executables:{name}" for name in ("bag_play", "bringup")),
        ]
    },
    zip_safe=True,
)
