"""The PEIF network: from patches of a point cloud to the displacement of each query to the nearest surface."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn

from gsn_perception.geometry import InputError
from gsn_perception.surface.peif.config import PeifConfig
from gsn_perception.surface.peif.frames import Frames
from gsn_perception.surface.peif.frames import frames_of
from gsn_perception.surface.peif.losses import BETA
from gsn_perception.surface.peif.losses import displacement_loss
from gsn_perception.surface.peif.losses import memory_loss
from gsn_perception.surface.peif.modules import Interpolation
from gsn_perception.surface.peif.modules import Memory
from gsn_perception.surface.peif.modules import PatchFeatures
from gsn_perception.surface.peif.modules import point_wise
from gsn_perception.surface.peif.patches import Patches
from gsn_perception.surface.peif.patches import PatchIndex
from gsn_perception.surface.peif.patches import Poses
from gsn_perception.surface.peif.patches import pose

_REACH = 4.0  # radii: the distance of a query from its patch saturates at this value


class PeifNetwork(nn.Module):
    """Pose-normalised patch -> SRM, PFEM, IPGE -> PPIR -> displacement, rotated back (papers: PEIF section 2).

    Equivariant to rotations, reflections and translations by construction, and with ``patch_units`` to scale.
    """

    def __init__(self, config: PeifConfig) -> None:
        super().__init__()
        self.config = config
        D = config.width
        self.relation = point_wise(6, *config.features)  # SRM
        self.query = point_wise(3, *config.features)
        self.points = point_wise(3, *config.features)
        self.patch = PatchFeatures(D, config.selected)  # PFEM
        self.memory = Memory(config.banks, config.items, D)  # IPGE
        self.fusion = point_wise(config.joined, *config.fusion)  # PPIR
        self.head = point_wise(config.fusion[-1] + D, *config.head)
        self.out = nn.Linear(config.head[-1], 3)
        self.interpolation = Interpolation(D, config.fusion[-1]) if config.interpolate else None
        if config.interpolate:
            with torch.no_grad():  # training starts near the interpolation alone
                self.out.weight.mul_(0.1)
                self.out.bias.zero_()

    def forward(self, patches: Patches) -> Tensor:
        """Displacements [Q,3] from the queries to the surface, in the cloud's frame and units."""
        poses = pose(patches)
        return self.displacements(poses, frames_of(poses))

    def displacements(self, poses: Poses, frames: Frames, *, batch: int = 0) -> Tensor:
        """As :meth:`forward`, from poses and their frames.

        Args:
            poses: Of Q patches.
            frames: Of the same patches.
            batch: Frames per forward pass; 0 = all.
        """
        scaled = self.config.patch_units
        parts = []
        for start in range(0, max(len(frames.patch), 1), batch or max(len(frames.patch), 1)):
            some = slice(start, start + batch if batch else None)
            axes, patch = frames.axes[some], some if frames.single else frames.patch[some]
            points, query = poses.points[patch] @ axes, (poses.query[patch, None] @ axes)[:, 0]
            if not scaled:
                points, query = points * poses.radius[patch, None, None], query * poses.radius[patch, None]
            found = self.canonical(points, query, poses.weights[patch])
            parts.append((axes @ found[:, :, None])[:, :, 0])  # a displacement is a vector: rotated, not translated
        turned = torch.cat(parts)
        if not frames.single:
            turned = torch.zeros_like(poses.query).index_add(0, frames.patch, frames.weight[:, None] * turned)
        return turned * poses.radius[:, None] if scaled else turned

    def canonical(self, points: Tensor, query: Tensor, weights: Tensor) -> Tensor:
        """Displacements [F,3] in the patches' own frames.

        Args:
            points: [F,K,3] positions relative to the centre, along the axes; nearest to the query first.
            query: [F,3] likewise.
            weights: [F,K] of the points.
        """
        near = query
        if self.config.patch_units:
            near = query / torch.sqrt(1.0 + (query * query).sum(1, keepdim=True) / _REACH**2)
        gaps = points - near[:, None]
        relation, feature, around = self.relation(torch.cat([points, gaps], -1)), self.query(near), self.points(points)
        recalled = self.memory(self.patch(feature, around, weights))
        joined = torch.cat([self._gathered(relation, weights), feature, self._gathered(around, weights)], 1)
        fused = self.fusion(joined)
        offset = self.out(self.head(torch.cat([fused, recalled], 1)))
        if self.interpolation is None:
            return offset
        return self.interpolation(relation, fused, gaps, weights, near - query) + offset

    def _gathered(self, features: Tensor, weights: Tensor) -> Tensor:
        """Point features [F,K,D] of a patch as one vector: concatenated, or (``fade``) weighted mean and maximum."""
        if not self.config.fade:
            return features.flatten(1)
        mean = torch.bmm((weights / weights.sum(1, keepdim=True))[:, None], features)[:, 0]
        return torch.cat([mean, (features * weights[:, :, None]).amax(1)], 1)

    def losses(self, clouds: Tensor, queries: Tensor, displacements: Tensor) -> dict[str, Tensor]:
        """Terms of the training loss, which is their sum.

        Args:
            clouds: [B,P,3] points on surfaces.
            queries: [B,Q,3] positions near them.
            displacements: [B,Q,3] the true displacements from the queries to the surface.

        Returns:
            ``displacement``: mean absolute error. With ``patch_units`` relative to the patch radius plus the length of
            the displacement (equal weight for sparse and dense clouds, for near and far queries); else in the clouds'
            units. ``memory``: the memory loss times beta.

        Raises:
            InputError: the shapes do not match, or a cloud has fewer points than a patch.
        """
        if clouds.ndim != 3 or queries.shape != displacements.shape or len(clouds) != len(queries):
            raise InputError(
                f"training takes clouds [B,P,3] and queries and displacements [B,Q,3], not {list(clouds.shape)}, "
                f"{list(queries.shape)}, {list(displacements.shape)}; stack them by object"
            )
        patches = self.patches(clouds, queries)
        poses = pose(patches)
        predicted = self.displacements(poses, frames_of(poses))
        truth = displacements.reshape(-1, 3).to(predicted)
        unit = poses.radius[:, None] + truth.norm(dim=1, keepdim=True) if self.config.patch_units else 1.0
        error = displacement_loss(predicted / unit, truth / unit)
        return {"displacement": error, "memory": BETA * memory_loss(self.memory.banks)}

    def patches(self, clouds: Tensor, queries: Tensor) -> Patches:
        """Patches of B x Q queries [B,Q,3] in their clouds [B,P,3], searched on the CPU."""
        weight = self.memory.banks
        found = [
            PatchIndex(cloud).patches(query, self.config.neighbours, fade=self.config.fade, dtype=weight.dtype)
            for cloud, query in zip(clouds.cpu().numpy(), queries.cpu().numpy(), strict=True)
        ]
        together = Patches(torch.cat([p.offsets for p in found]), torch.cat([p.weights for p in found]))
        return together.to(weight.device)
