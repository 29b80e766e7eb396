"""`gsn reconstruct`: from one image to Gaussians, point cloud, mesh and grasps, in metres, in the camera optical frame."""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

from gsn_perception.engines.names import EngineName
from gsn_perception.engines.names import PrecisionName

if TYPE_CHECKING:
    from gsn_perception.geometry import Grasp
    from gsn_perception.geometry import Observation
    from gsn_perception.geometry import Reconstruction
    from gsn_perception.geometry import Refusal
    from gsn_perception.geometry import Remark
    from gsn_perception.pipeline import PosedView


@dataclass(frozen=True, slots=True)
class Options:
    """Inputs, settings and output folder."""

    out: Path
    """Output folder."""
    image: Path | None = None
    """Colour image."""
    camera: Path | None = None
    """camera.json: {"width", "height", "K": [[..]]}, pixel centres at integers."""
    views: Path | None = None
    """Folder of views of a scene that did not move, in place of --image and --camera: each a folder with color.png,
    camera.json, pose.json and, where there are any, mask.png and depth.png."""
    reference: str | None = None
    """With --views: name of the view whose objects and camera frame the results have; by default the last by name."""
    mask: Path | None = None
    """PNG, > 0 is an object, different values are different objects; same size as the image, or same aspect ratio."""
    mask_mode: Literal["labels", "binary"] = "labels"
    """labels: each value of the mask is an object; binary: every pixel above 0 is one object."""
    clean_masks: bool = True
    """Remove parts of the mask that are not the object by depth or position, and shift a late mask."""
    roi: str | None = None
    """x,y,w,h around the object, if there is no mask."""
    depth: Path | None = None
    """16-bit PNG in millimetres registered to the image, 0 = unknown."""
    support_plane: str | None = None
    """nx,ny,nz,d of the plane the object stands on (n.x + d = 0, metres, camera frame, n points to the object)."""
    trust_support_plane: bool = False
    """Keep the given support plane even if the depth shows another one under the objects."""
    plane_scale: Literal["auto", "learned", "quantile"] = "auto"
    """Scale from the support plane without depth: learned by a network, or the splat's lower end put onto the plane."""
    plane_error: str | None = None
    """mm,deg: standard deviations of the plane's distance and direction; 0,0 by default."""
    size_hint: float | None = None
    """Largest distance between two points of the object in metres, if there is no depth: the largest width that a caliper
    measures; for a carton the diagonal, not the side."""
    unit_scale: bool = False
    """Output normalised units if nothing determines the scale."""
    allow_cut: bool = False
    """Also reconstruct objects that are cut by the image border."""
    checkpoint: str | None = None
    """Weights: a .safetensors file or the name of shipped ones."""
    device: str = "auto"
    """auto, cpu or cuda."""
    engine: EngineName = "auto"
    """Library that runs the network: auto takes openvino on the CPU if it is installed, else torch."""
    precision: PrecisionName = "float32"
    """Arithmetic of the network; bfloat16 is faster and needs hardware that has it."""
    refine_ms: float = 0.0
    """Milliseconds for gradient steps of the splats against the image; the input view gets sharper. 0: none."""
    mesh_method: Literal["auto", "gaussians", "onet", "convonet", "peif"] = "auto"
    """Method of surface extraction: from the splat itself, or by a learned field."""
    mesh_weights: str = ""
    """Weights of a learned field: a .safetensors file, or empty for the shipped weights."""
    gripper: str = "panda"
    """Name of a shipped gripper, or a YAML file."""
    seed: int = 0
    """Seed of sampling."""


def run(options: Options) -> int:
    """Reconstruct; exit code 3 if every object was refused."""
    from gsn_perception.process import collector_paused

    with collector_paused():
        from gsn_perception.cli.parse import choose_gripper
        from gsn_perception.cli.parse import parse_plane_error
        from gsn_perception.cli.reconstruct_report import line
        from gsn_perception.geometry import Reconstruction
        from gsn_perception.grasping import GraspPlanner
        from gsn_perception.grasping import PlannerSettings
        from gsn_perception.io import output_folder
        from gsn_perception.pipeline import Reconstructor
        from gsn_perception.pipeline import ReconstructorSettings

        gc.freeze()  # modules stay: no collection need look at them

    views, reference = _views(options)
    observation = views[reference].observation
    offset_error, tilt_error = parse_plane_error(options.plane_error)
    settings = ReconstructorSettings(
        plane_scale=options.plane_scale,
        plane_offset_error=offset_error,
        plane_tilt_error=tilt_error,
        trust_support_plane=options.trust_support_plane,
        unit_scale=options.unit_scale,
        allow_cut=options.allow_cut,
        mask_mode=options.mask_mode,
        clean_masks=options.clean_masks,
        refine_ms=options.refine_ms,
        mesh_method=options.mesh_method,
        mesh_weights=options.mesh_weights,
        engine=options.engine,
        precision=options.precision,
        seed=options.seed,
    )
    reconstructor = Reconstructor.from_pretrained(options.checkpoint, options.device, settings)
    planner = GraspPlanner(choose_gripper(options.gripper), PlannerSettings(seed=options.seed))
    with output_folder(options.out) as folder:
        began = time.perf_counter()
        seen = [observation]
        results = reconstructor.fuse(views, reference=reference, on_prepared=lambda p: seen.append(p.observation))
        objects = [r for r in results if isinstance(r, Reconstruction)]
        timings = {"reconstruct": time.perf_counter() - began}
        began = time.perf_counter()
        plans = planner.plan_scene(objects, scene=observation.measured_points())
        grasps = sorted((g for plan in plans.values() for g in plan.grasps), key=lambda g: -g.score)
        timings["grasp"] = time.perf_counter() - began
        _write(folder, options, observation if observation.mask is not None else seen[-1], results, grasps, timings)
    for result in results:
        print(line(result))
    for remark in dict.fromkeys(remark for result in results for remark in result.remarks):
        print(f"remark {remark}", file=sys.stderr)
    print(f"{len(grasps)} grasps; written to {options.out}")
    return 0 if objects else 3


def _views(options: Options) -> tuple[list[PosedView], int]:
    """The views, and the index of the reference view; a single image is one view."""
    import numpy as np

    from gsn_perception.cli.parse import parse_plane
    from gsn_perception.cli.view_folder import read_views
    from gsn_perception.geometry import InputError
    from gsn_perception.pipeline import PosedView

    names = ("reference",) if options.views is None else ("image", "camera", "mask", "depth", "roi")
    if given := ", ".join(f"--{name}" for name in names if getattr(options, name) is not None):
        raise InputError(f"{given} cannot be used {'without' if options.views is None else 'with'} --views; see --help")
    if options.views is None:
        return [PosedView(_observation(options), np.eye(4))], 0
    return read_views(options.views, options.reference, parse_plane(options.support_plane), options.size_hint)


def _observation(options: Options) -> Observation:
    from gsn_perception.cli.parse import parse_plane
    from gsn_perception.cli.parse import parse_roi
    from gsn_perception.geometry import InputError
    from gsn_perception.geometry import Observation
    from gsn_perception.io import read_camera
    from gsn_perception.io import read_depth
    from gsn_perception.io import read_image
    from gsn_perception.io import read_mask

    remarks: list[Remark] = []
    if options.image is None or options.camera is None:
        raise InputError("there is no image or no camera file; give --image and --camera, or --views")
    if options.mask is None and options.roi is None and options.depth is None:
        raise InputError("there is no mask, no depth and no region of interest; give --mask, --depth or --roi")
    return Observation(
        image=read_image(options.image),
        camera=read_camera(options.camera, remarks),
        mask=None if options.mask is None else read_mask(options.mask),
        depth=None if options.depth is None else read_depth(options.depth),
        support_plane=parse_plane(options.support_plane),
        size_hint=options.size_hint,
        roi=parse_roi(options.roi),
        frame_id="camera_optical_frame",
        remarks=tuple(remarks),
    )


def _write(
    folder: Path,
    options: Options,
    observation: Observation,
    results: list[Reconstruction | Refusal],
    grasps: list[Grasp],
    timings: dict[str, float],
) -> None:
    from gsn_perception.cli.reconstruct_report import entry
    from gsn_perception.geometry import Reconstruction
    from gsn_perception.geometry.gaussians import cat
    from gsn_perception.geometry.mesh import merge_meshes
    from gsn_perception.geometry.reconstruction import merge_points
    from gsn_perception.io import write_gaussians_ply
    from gsn_perception.io import write_grasps_json
    from gsn_perception.io import write_image
    from gsn_perception.io import write_mesh_ply
    from gsn_perception.io import write_points_ply
    from gsn_perception.viewer.overview import draw_overview

    objects = [r for r in results if isinstance(r, Reconstruction)]
    report = {
        "image": (options.image or options.views or Path()).name,
        "gripper": options.gripper,
        "timings": timings,
        "objects": [entry(r) for r in results],
    }
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    write_grasps_json(folder / "grasps.json", grasps, frame_id=observation.frame_id)
    found = options.mask is None and options.views is None  # by segmentation; the file can be given as --mask
    if found and observation.mask is not None:
        write_image(folder / "mask.png", observation.mask)
    if not objects:
        return
    write_gaussians_ply(folder / "gaussians.ply", cat([r.gaussians for r in objects]))
    write_points_ply(folder / "points.ply", merge_points([r.points for r in objects]))
    write_mesh_ply(folder / "mesh.ply", merge_meshes([r.mesh for r in objects]))
    draw_overview(folder / "overview.png", observation, objects, grasps)
