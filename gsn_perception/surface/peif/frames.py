"""Weighted frames of a patch (frame averaging): one frame where its pose is unambiguous, several where it is not.

The published rule takes the principal axes and gives each the sign that agrees with the *anchor*, the vector from the
patch's farthest point to its centre (papers: PEIF appendix A.1); handedness is free, so reflections are covered. The rule
fails where eigenvalues agree, where an axis is orthogonal to the anchor (always the normal of a flat patch) and where two
points are equally far. No rule with a single frame can be continuous there (Dym et al., "Equivariant frames and the
impossibility of continuous canonicalization", ICML 2024). Weighted frames can: each frame is built from the patch, and
its weight goes to zero before the frame becomes ill-defined. The prediction is the weighted mean over the frames. It is
equivariant and, where the patches' weights fade, continuous.

1. Axes. The eigenvectors have weight w; w falls to 0 as a relative eigengap falls from ``GAP`` to 0. The rest of the
   weight goes to frames that keep the eigenvector that is still defined, if any, and whose next axis points to the
   farthest point of the patch across it (for patches without extent across it: to the query).
2. Ties. All points nearly as far as the farthest share its role.
3. Signs. An axis clearly along the anchor takes the sign of the anchor; an axis orthogonal to the anchor takes the side
   of the query; an axis orthogonal to both gets both signs with equal weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gsn_perception.surface.peif.patches import Poses

GAP = 1e-3  # a relative eigengap below it is degenerate
_TIE = 0.1  # squared distances this close to the largest, relative to it, share in the anchor
_TIE_ACROSS = 0.02  # the same for directions, where every share is one more frame
_ACROSS = 0.01  # components of the anchor or the query below it, in radii, leave the sign of an axis open
_THIN = 1e-3  # a patch with less extent than this across an axis, in radii, defines no direction there

_SIGNS = [[1 - 2 * (n >> axis & 1) for axis in range(3)] for n in range(8)]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """F frames of Q patches, F >= Q.

    Attributes:
        patch: [F] int64 index of the patch.
        axes: [F,3,3] orthogonal, one axis per column.
        weight: [F]; the weights of a patch's frames sum to 1.
        single: Every patch has one frame, and ``patch`` counts from 0 to Q - 1.
    """

    patch: Tensor
    axes: Tensor
    weight: Tensor
    single: bool


def degenerate(poses: Poses) -> Tensor:
    """[Q] bool: patches with a relative eigengap below ``GAP``."""
    return (poses.gaps() < GAP).any(0)


@torch.no_grad()
def frames_of(poses: Poses) -> Frames:
    """The weighted frames of every patch; no gradient flows."""
    clear = _ramp(poses.gaps() / GAP)  # [2,Q]
    anchor = _anchor(poses)
    side = _sides(poses.axes, anchor, poses.query)  # [Q,3]
    certain = (clear >= 1).all(0) & (side.abs() >= 1).all(1)
    count = len(certain)
    if bool(certain.all()):
        every = torch.arange(count, device=side.device)
        return Frames(every, poses.axes * side[:, None], anchor.new_ones(count), True)
    alone = certain.nonzero()[:, 0]
    open_ = (~certain).nonzero()[:, 0]
    patch, axes, weight = _candidates(poses, clear, open_)
    patch, axes, weight = _signed(patch, axes, weight, _sides(axes, anchor[patch], poses.query[patch]))
    return Frames(
        torch.cat([alone, patch]),
        torch.cat([(poses.axes * side[:, None])[alone], axes]),
        torch.cat([anchor.new_ones(len(alone)), weight]),
        False,
    )


def _ramp(x: Tensor) -> Tensor:
    """Smooth step: 0 below 0, 1 above 1."""
    x = x.clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _counts(weight: Tensor) -> Tensor:
    """Whether weights are larger than rounding errors."""
    return weight > 10.0 * torch.finfo(weight.dtype).eps


def _shares(score: Tensor, tie: float) -> Tensor:
    """[M,K] soft maximum: the points' shares in having the largest score [M,K] (not negative); sums to 1."""
    top = score.amax(1, keepdim=True)
    share = (score - (1.0 - tie) * top).clamp_min(0.0)
    share = torch.where(top > 0, share, torch.ones_like(share))
    return share / share.sum(1, keepdim=True)


def _anchor(poses: Poses) -> Tensor:
    """[Q,3] vector from the farthest points to the centre, in radii; distances are multiplied by the points' weights."""
    share = _shares(poses.weights * (poses.points * poses.points).sum(-1), _TIE)
    return -torch.bmm(share[:, None], poses.points)[:, 0]


def _sides(axes: Tensor, anchor: Tensor, query: Tensor) -> Tensor:
    """[F,3] sign of each axis: -1 or 1; in between the sign is open and (1 + side) / 2 is the weight of plus."""
    by_anchor = _side((anchor[:, None] @ axes)[:, 0])
    by_query = _side((query[:, None] @ axes)[:, 0])
    return by_anchor + (1.0 - by_anchor.abs()) * by_query


def _side(along: Tensor) -> Tensor:
    """Rises from -1 to 1; exactly 0 for rounding errors around 0, so that they add no frames of negligible weight."""
    return along.sign() * _ramp((along.abs() / _ACROSS - 0.1) / 0.9)


def _candidates(poses: Poses, clear: Tensor, patch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Frames without signs of the patches [M]: their patch [C], axes [C,3,3] and weight [C]."""
    first, last = clear[0, patch], clear[1, patch]
    axes = poses.axes[patch]
    found = [(patch, axes, first * last)]
    found.append(_about(poses, patch, axes[:, :, 2], (1.0 - first) * last, lone=2))
    found.append(_about(poses, patch, axes[:, :, 0], first * (1.0 - last), lone=0))
    neither = (1.0 - first) * (1.0 - last)
    index, direction, weight = _directions(poses, patch, None, neither)
    found.append(_about(poses, index, direction, weight, lone=0))
    patch, axes, weight = (torch.cat(parts) for parts in zip(*found, strict=True))
    kept = _counts(weight)
    return patch[kept], axes[kept], weight[kept]


def _about(poses: Poses, patch: Tensor, axis: Tensor, weight: Tensor, *, lone: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames with the given axis [M,3] as column ``lone`` (0 or 2); the next axis points to the farthest point across it."""
    row = torch.arange(len(patch), device=patch.device)
    some = _counts(weight)
    index, second, share = _directions(poses, patch[some], axis[some], weight[some])
    of = row[some][index]
    axis = axis[of]
    third = torch.linalg.cross(axis, second)
    columns = [axis, second, third] if lone == 0 else [second, third, axis]
    return patch[of], torch.stack(columns, -1), share


def _directions(poses: Poses, patch: Tensor, across: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors to the farthest points of patches [M], across an axis [M,3] if one is given.

    Returns:
        The row number [C] (with an axis) or the patch [C] (without), the direction [C,3] and its weight [C]; the weights
        of a row's directions sum to its ``weight`` [M].
    """
    vectors = torch.cat([poses.points[patch], poses.query[patch, None]], 1)  # [M,K+1,3]
    if across is not None:
        vectors = vectors - (vectors @ across[:, :, None]) * across[:, None]
    squared = (vectors * vectors).sum(-1)
    score = poses.weights[patch] * squared[:, :-1]
    extent = _ramp(score.amax(1, keepdim=True).sqrt() / _THIN)  # [M,1]
    share = weight[:, None] * torch.cat([extent * _shares(score, _TIE_ACROSS), 1.0 - extent], 1)
    row, column = _counts(share).nonzero(as_tuple=True)
    chosen, length = vectors[row, column], squared[row, column].sqrt()
    spare = _perpendicular(chosen if across is None else across[row])
    usable = (length > 1e-6)[:, None]
    direction = torch.where(usable, chosen / torch.where(usable, length[:, None], 1.0), spare)
    return (row if across is not None else patch[row]), direction, share[row, column]


def _perpendicular(axis: Tensor) -> Tensor:
    """[M,3] any unit vectors orthogonal to the unit (or zero) vectors [M,3]."""
    least = torch.nn.functional.one_hot(axis.abs().argmin(-1), 3).to(axis)
    vector = least - (least * axis).sum(-1, keepdim=True) * axis
    return vector / vector.norm(dim=-1, keepdim=True)


def _signed(patch: Tensor, axes: Tensor, weight: Tensor, side: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Every frame [C] with each combination of signs that has weight."""
    signs = axes.new_tensor(_SIGNS)  # [8,3]
    share = weight[:, None] * (0.5 * (1.0 + signs * side[:, None])).prod(-1)  # [C,8]
    row, combination = _counts(share).nonzero(as_tuple=True)
    return patch[row], axes[row] * signs[combination][:, None], share[row, combination]
