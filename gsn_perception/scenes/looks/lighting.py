"""Lighting of a scene: ambient light, a distant lamp, a headlight, specular gloss."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

import numpy as np

from gsn_perception.scenes.looks.shading import Lamp


@dataclass(frozen=True, slots=True, eq=False)
class Lighting:
    """Ambient light, one distant lamp and a headlight at the camera.

    Attributes:
        ambient: Light from all directions; with 1 and no other light a rendered colour is the albedo.
        diffuse: Strength of the distant lamp.
        direction: [3] towards the lamp, world frame; normalised here.
        headlight: Strength of the lamp at the camera.
        specular: Strength of the lamp's gloss.
        shininess: Exponent of the gloss (Blinn-Phong).
        tint: [3] colour of all lights.
    """

    ambient: float = 0.5
    diffuse: float = 0.45
    direction: np.ndarray = field(default_factory=lambda: np.array([0.4, -0.3, 0.85]))
    headlight: float = 0.1
    specular: float = 0.0
    shininess: float = 20.0
    tint: np.ndarray = field(default_factory=lambda: np.ones(3))

    def __post_init__(self) -> None:
        direction = np.asarray(self.direction, dtype=np.float32)
        object.__setattr__(self, "direction", direction / np.linalg.norm(direction))
        object.__setattr__(self, "tint", np.asarray(self.tint, dtype=np.float32))

    @classmethod
    def flat(cls) -> Lighting:
        """Light with which rendered colours are the albedo."""
        return cls(ambient=1.0, diffuse=0.0, headlight=0.0)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Lighting:
        """Random indoor light: a lamp from above, ambient light, slightly warm or cold, sometimes gloss."""
        azimuth = rng.uniform(0, 2 * np.pi)
        elevation = rng.uniform(np.deg2rad(25), np.deg2rad(85))
        flat = np.cos(elevation)
        warmth = rng.normal(0, 0.03)
        return cls(
            ambient=rng.uniform(0.4, 0.7),
            diffuse=rng.uniform(0.25, 0.6),
            direction=np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)]),
            headlight=rng.uniform(0.0, 0.25),
            specular=rng.choice([0.0, rng.uniform(0.03, 0.2)]),
            shininess=rng.uniform(10, 60),
            tint=np.array([1 + warmth, 1.0, 1 - warmth]),
        )

    @property
    def lamp(self) -> Lamp:
        """The parameters as a tuple for compiled code."""
        return Lamp(
            float(self.ambient),
            float(self.diffuse),
            float(self.headlight),
            float(self.specular),
            float(self.shininess),
            self.direction,
            self.tint,
        )
