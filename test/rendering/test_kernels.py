"""The parts of the CPU rasteriser: order, extents, exponential, threads, benchmark."""

import math
import multiprocessing
import threading

import numpy as np
import pytest
import torch
from numba import njit
from waiting import LIMIT

from gsn_perception.rendering import render
from gsn_perception.rendering.bench import bench_rasteriser
from gsn_perception.rendering.bench import bench_scene
from gsn_perception.rendering.cpu import lanes
from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.rendering.cpu.projection import CA
from gsn_perception.rendering.cpu.projection import CB
from gsn_perception.rendering.cpu.projection import CC
from gsn_perception.rendering.cpu.projection import REACH
from gsn_perception.rendering.cpu.projection import RECORD
from gsn_perception.rendering.cpu.projection import VXX
from gsn_perception.rendering.cpu.projection import VXY
from gsn_perception.rendering.cpu.projection import VYY
from gsn_perception.rendering.cpu.sorting import depth_order


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 1000])
def test_depth_order_is_a_stable_sort(dtype, count):
    rng = np.random.default_rng(0)
    depths = np.concatenate([rng.uniform(0.01, 50, 600), np.repeat(rng.uniform(1, 2, 100), 4)]).astype(dtype)[:count]
    depths[: count // 4] = 1 + rng.uniform(0, 1e-9, count // 4)  # float32 can't tell these apart
    order = np.arange(count, dtype=np.int32)
    depth_order(depths, order, count)
    np.testing.assert_array_equal(order, np.argsort(depths, kind="stable"))


@njit
def exponentials(x):
    y = np.empty_like(x)
    for i in range(len(x)):
        y[i] = lanes.exp_negative(x[i])
    return y


def test_exponential_is_accurate():
    x = np.linspace(-8, 0, 100_001).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    assert np.abs(exponentials(x) / exact - 1).max() < 3e-6
    assert (exponentials(np.array([-9.0, -1e3, -np.inf], np.float32)) < 4e-4).all()
    np.testing.assert_allclose(exponentials(x.astype(np.float64)), np.exp(x.astype(np.float64)), rtol=1e-14)


def test_no_bright_pixel_is_cut():
    """Random ellipses, brute force: every pixel centre inside lies in the block spans, and the spans are tight."""
    rng = np.random.default_rng(1)
    rows, columns = 9, 12
    y, x = np.mgrid[: rows * lanes.SIDE, : columns * lanes.SIDE] + 0.5
    inside_blocks = touched_blocks = 0
    for _ in range(300):
        spread = rng.normal(size=(2, 2)) * 10 ** rng.uniform(-1, 1.3)
        covariance = spread @ spread.T + 0.3 * np.eye(2)
        A, B, _, C = np.linalg.inv(covariance).ravel()
        mx, my = rng.uniform(-10, 58, 2)
        record = np.zeros(RECORD)
        record[[CA, CB, CC, REACH]] = A, B, C, 2 * math.log(255 * rng.uniform(0.01, 1))
        record[[VXX, VXY, VYY]] = covariance[0, 0], covariance[0, 1], covariance[1, 1]
        inside = A * (x - mx) ** 2 + 2 * B * (x - mx) * (y - my) + C * (y - my) ** 2 <= record[REACH]
        wanted = inside.reshape(rows, lanes.SIDE, columns, lanes.SIDE).any((1, 3))
        found = np.zeros((rows, columns), bool)
        ellipse = lanes.ellipse_of(record)
        for row in range(*lanes.row_range(my, ellipse[0], 0, rows)):
            found[row, slice(*lanes.row_span(mx, my, ellipse, row, columns))] = True
        assert not (wanted & ~found).any()
        inside_blocks += wanted.sum()
        touched_blocks += found.sum()
    assert touched_blocks < 1.15 * inside_blocks


def test_pieces_are_done_once_and_errors_arrive(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "4")
    done = np.zeros(1000, int)

    def work(begin, end):
        done[begin:end] += 1

    parallel_ranges(work, 1000, grain=7)
    assert (done == 1).all()

    def broken(begin, end):
        raise ValueError(f"piece {begin}")

    with pytest.raises(ValueError, match="piece"):
        parallel_ranges(broken, 10)


def test_many_threads_may_render_at_once(make_splat, make_cameras):
    splat, cameras = make_splat(2, 60), make_cameras(2, 2)
    expected = render(splat, cameras, backend="cpu").rgb
    found = []
    callers = [
        threading.Thread(target=lambda: found.append(render(splat, cameras, backend="cpu").rgb)) for _ in range(6)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(LIMIT)
    assert len(found) == 6
    assert all(torch.equal(image, expected) for image in found)


def _render_in_child(queue, splat, cameras):
    queue.put(float(render(splat, cameras, backend="cpu").rgb.sum()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_may_render(make_splat, make_cameras, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    splat, cameras = make_splat(1, 60), make_cameras(1, 4)
    expected = float(render(splat, cameras, backend="cpu").rgb.sum())
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_render_in_child, args=(queue, splat, cameras))
    child.start()
    try:
        assert queue.get(timeout=LIMIT) == expected
    finally:
        child.kill()
        child.join()


def test_bench_measures_both_backends():
    rows = bench_rasteriser(((64, 16),), batch=1, views=2, repeats=2)
    assert [(row.backend, row.gaussians, row.pixels, row.views) for row in rows] == [
        ("cpu", 64, 16, 2),
        ("reference", 64, 16, 1),
    ]
    assert all(row.forward_ms > 0 and row.forward_backward_ms > 0 for row in rows)


def test_bench_scene_covers_the_object():
    gaussians, cameras = bench_scene(512, 32, 1, 2)
    alpha = render(gaussians, cameras).alpha
    assert alpha[..., 16, 16].min() > 0.9
    assert alpha[..., 0, 0].max() < 0.05
