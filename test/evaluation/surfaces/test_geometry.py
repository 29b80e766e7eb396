from pathlib import Path

import numpy as np
import pytest
import torch

from gsn_perception.evaluation.surfaces.geometry import ESTIMATED
from gsn_perception.evaluation.surfaces.geometry import FLOOR
from gsn_perception.evaluation.surfaces.geometry import HULL
from gsn_perception.evaluation.surfaces.geometry import TRUE
from gsn_perception.evaluation.surfaces.geometry import evaluate_geometry
from gsn_perception.evaluation.surfaces.real_frames import PRIOR_EXTENT
from gsn_perception.evaluation.surfaces.real_frames import depth_figures
from gsn_perception.evaluation.surfaces.real_frames import evaluate_frame
from gsn_perception.evaluation.surfaces.real_frames import frame_folders
from gsn_perception.evaluation.surfaces.real_frames import read_frame
from gsn_perception.evaluation.views.cases import surface_case
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Points
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.io import write_camera
from gsn_perception.io import write_depth
from gsn_perception.io import write_image

FRAMES = Path(__file__).parents[3] / "../shared/data/frames"


@pytest.fixture(scope="module")
def case(box, protocol):
    return surface_case(box, protocol)


def answering(case, wrong=1.0):
    """A pipeline that knows the truth but for the scale, which is ``wrong`` times too large."""

    def reconstruct(observation):
        view = ObjectView.of_mask(observation.mask > 0, observation.camera, 64)
        scale = float(view.R_camera_virtual[:, 2] @ case.centre) / view.distance
        mesh = case.truth.transform(np.diag([wrong, wrong, wrong, 1.0]))
        n = len(mesh.vertices)
        gaussians = Gaussians(
            torch.from_numpy(mesh.vertices.copy()),
            torch.full((n, 3), 0.01),
            torch.tensor([[1.0, 0, 0, 0]]).repeat(n, 1),
            torch.full((n, 3), 0.5),
            torch.full((n,), 0.9),
        )
        nothing = np.zeros((0, 3), np.float32)
        points = Points(nothing, nothing, nothing, np.zeros(0, np.float32))
        pose = view.pose(scale * wrong)
        return [Reconstruction(1, gaussians, mesh, points, pose, scale * wrong, 0.0, "depth")]

    return reconstruct


def test_a_right_shape_at_a_wrong_scale(case):
    rows = evaluate_geometry([case], answering(case, wrong=1.1), samples=3000)
    true, estimated, hull, floor = (rows[k][0] for k in (TRUE, ESTIMATED, HULL, FLOOR))
    assert true["chamfer_l1"] < 1e-5
    assert true["f_score"] == 1
    assert true["volume_ratio"] == pytest.approx(1, abs=1e-4)
    assert estimated["scale_ratio"] == pytest.approx(1.1, rel=1e-5)
    assert estimated["volume_ratio"] == pytest.approx(1.331, rel=1e-4)
    assert estimated["chamfer_l1"] > 0.05
    assert 0 < hull["accuracy"] < hull["completeness"]
    assert floor["chamfer_l1"] < 1e-6 < floor["points_chamfer_l1"]


def test_a_refusal_counts_against_the_network_only(case):
    rows = evaluate_geometry([case], lambda _: [Refusal(1, "too dark")], samples=1000)
    assert rows[TRUE][0]["f_score"] == 0
    assert rows[TRUE][0]["reason"] == "too dark"
    assert rows[HULL][0]["f_score"] > 0


def test_depth_figures():
    measured = np.full((4, 4), 1.0, np.float32)
    rendered = measured + 0.003
    rendered[0] = np.nan
    measured[1, 0] = np.nan
    mask = np.ones((4, 4), bool)
    figures = depth_figures(rendered, measured, mask)
    assert figures["median_mm"] == pytest.approx(3, abs=1e-3)
    assert figures["iou"] == pytest.approx(12 / 16)
    assert figures["covered"] == pytest.approx(11 / 16)
    assert np.isnan(depth_figures(np.full((4, 4), np.nan), measured, mask)["median_mm"])


def test_a_frame_on_disk_is_read_and_scored(case, tmp_path):
    folder = tmp_path / "frames" / "box"
    folder.mkdir(parents=True)
    o = case.observation
    write_image(folder / "color.png", o.image)
    write_depth(folder / "depth.png", case.depth)
    write_image(folder / "mask.png", (o.mask > 0).astype(np.uint8) * 255)
    write_camera(folder / "camera.json", o.camera)
    (found,) = frame_folders(tmp_path / "frames")
    frame = read_frame(found)
    np.testing.assert_allclose(frame.camera.K, o.camera.K)
    scores = evaluate_frame("box", frame, answering(case))
    assert scores.figures["after_median_mm"] < 0.6  # depth.png counts millimetres
    assert scores.figures["after_iou"] > 0.98
    extent = np.ptp(case.truth.vertices, axis=0).max()
    assert scores.figures["scale_before"] == pytest.approx(scores.figures["scale_after"] * PRIOR_EXTENT / extent)
    off = abs(PRIOR_EXTENT / extent - 1) * np.nanmedian(case.depth) * 1000  # how far that moves it away
    assert scores.figures["before_median_mm"] == pytest.approx(off, rel=0.1)
    assert scores.figures["before_iou"] > 0.98  # scaling about the camera leaves the silhouette
    assert scores.picture.ndim == 3
    with pytest.raises(InputError, match="refused: too small"):
        evaluate_frame("box", frame, lambda _: [Refusal(1, "too small")])
    with pytest.raises(InputError, match="no frame"):
        frame_folders(folder.parent.parent / "nothing")


@pytest.mark.skipif(not FRAMES.is_dir(), reason="no real frames beside the repository")
def test_the_real_frames_are_read():
    folders = frame_folders(FRAMES)
    assert len(folders) == 3
    for folder in folders:
        frame = read_frame(folder)
        inside = frame.depth[frame.mask > 0]
        assert np.isfinite(inside).mean() > 0.5
        assert 0.2 < np.nanmedian(inside) < 1.5
