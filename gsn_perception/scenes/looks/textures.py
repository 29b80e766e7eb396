"""Random colours, patterns and product prints for the textures of procedural objects."""

from __future__ import annotations

import colorsys

import numpy as np


def random_color(rng: np.random.Generator) -> np.ndarray:
    """[3] in [0, 1]: saturated, pastel, white, black, metal grey or earthen."""
    kind = rng.choice(6, p=[0.34, 0.16, 0.16, 0.1, 0.12, 0.12])
    if kind == 2:
        return np.clip(rng.uniform(0.82, 1.0) + rng.normal(0, 0.02, 3), 0, 1)
    if kind == 3:
        return np.clip(rng.uniform(0.02, 0.15) + rng.normal(0, 0.01, 3), 0, 1)
    if kind == 4:
        return np.clip(rng.uniform(0.35, 0.75) + rng.normal(0, 0.015, 3), 0, 1)
    saturation, value = {
        0: (rng.uniform(0.65, 1), rng.uniform(0.45, 1)),
        1: (rng.uniform(0.15, 0.45), rng.uniform(0.75, 1)),
        5: (rng.uniform(0.3, 0.65), rng.uniform(0.2, 0.6)),
    }[int(kind)]
    hue = rng.uniform(0.03, 0.13) if kind == 5 else rng.uniform()
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value))


def smooth_noise(rng: np.random.Generator, height: int, width: int, octaves: int = 4) -> np.ndarray:
    """[height,width] smooth noise in [0, 1], periodic in both directions; each octave has half the weight."""
    total = np.zeros((height, width))
    for octave in range(octaves):
        n = 3 * 2**octave
        knots = np.pad(rng.standard_normal((n, n)), (0, 1), mode="wrap")
        y, x = np.arange(height) * n / height, np.arange(width) * n / width
        i, j = y.astype(int), x.astype(int)
        fy, fx = (3 * (y - i) ** 2 - 2 * (y - i) ** 3)[:, None], (3 * (x - j) ** 2 - 2 * (x - j) ** 3)[None]
        rows = knots[i] * (1 - fy) + knots[i + 1] * fy
        total += (rows[:, j] * (1 - fx) + rows[:, j + 1] * fx) * 0.5**octave
    low, high = total.min(), total.max()
    return (total - low) / max(high - low, 1e-9)


def random_pattern(rng: np.random.Generator, height: int, width: int, kind: str | None = None) -> np.ndarray:
    """[height,width,3] floats in [0, 1]: a periodic pattern of two colours, of a random kind if ``kind`` is None."""
    kinds = {"plain": 0.32, "gradient": 0.1, "stripes": 0.12, "checker": 0.07, "dots": 0.09, "marble": 0.1, "wood": 0.1}
    kinds["speckle"] = 1 - sum(kinds.values())
    kind = kind or str(rng.choice(list(kinds), p=list(kinds.values())))
    y, x = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    a, b = random_color(rng), random_color(rng)
    mix: np.ndarray  # [height, width], 0 where a, 1 where b
    if kind == "plain":
        mix = 0.08 * smooth_noise(rng, height, width, 3)
        b = a * 0.6
    elif kind == "gradient":
        mix = y if rng.uniform() < 0.6 else 0.5 + 0.5 * np.cos(2 * np.pi * x)
    elif kind == "stripes":
        turns, slope = int(rng.integers(2, 9)), int(rng.integers(-2, 3))
        phase = turns * (y if rng.uniform() < 0.5 else x) + slope * (x if rng.uniform() < 0.5 else y)
        mix = (phase % 1 < rng.uniform(0.2, 0.8)).astype(float)
    elif kind == "checker":
        n = 2 * int(rng.integers(2, 6))
        mix = ((np.floor(n * x) + np.floor(n * y)) % 2).astype(float)
    elif kind == "dots":
        n = int(rng.integers(3, 9))
        mix = (((n * x) % 1 - 0.5) ** 2 + ((n * y) % 1 - 0.5) ** 2 < rng.uniform(0.04, 0.16)).astype(float)
    elif kind == "marble":
        mix = np.abs(np.sin(np.pi * (int(rng.integers(1, 4)) * x + 3 * smooth_noise(rng, height, width)))) ** 0.5
        b = a * rng.uniform(0.4, 0.8)
    elif kind == "wood":
        hue = rng.uniform(0.05, 0.11)
        a = np.array(colorsys.hsv_to_rgb(hue, rng.uniform(0.35, 0.7), rng.uniform(0.5, 0.9)))
        b = a * rng.uniform(0.55, 0.8)
        mix = 0.5 + 0.5 * np.sin(2 * np.pi * (int(rng.integers(3, 8)) * x + 1.2 * smooth_noise(rng, height, width, 2)))
        mix = 0.8 * mix + 0.2 * smooth_noise(rng, height, width, 6)
    else:
        mix = (rng.uniform(size=(height, width)) < 0.2) * rng.uniform(0.2, 1.0)
        b = a * 0.5 + 0.5 * b
    return np.clip(a + (b - a) * mix[..., None], 0, 1)


def product_print(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """[height,width,3] floats in [0, 1]: a product print of bands, pictures, logos and lines of mock text."""
    plain = rng.uniform() < 0.6
    image = random_pattern(rng, height, width, "plain" if plain else None)
    for _ in range(int(rng.integers(0, 3))):  # bands and blocks of colour
        _rectangle(image, rng, random_color(rng), full_width=rng.uniform() < 0.5)
    if rng.uniform() < 0.6:
        _picture(image, rng)
    for _ in range(int(rng.integers(0, 4))):
        _logo(image, rng)
    for _ in range(int(rng.integers(1, 4))):
        _text(image, rng)
    return np.clip(image, 0, 1)


def _window(rng: np.random.Generator, image: np.ndarray, low: float, high: float) -> tuple[slice, slice]:
    """A random window of an image with sides ``low``..``high`` of the image's."""
    height, width = image.shape[:2]
    h, w = (max(2, int(rng.uniform(low, high) * n)) for n in (height, width))
    top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    return slice(top, top + h), slice(left, left + w)


def _rectangle(image: np.ndarray, rng: np.random.Generator, paint: np.ndarray, *, full_width: bool) -> None:
    rows, columns = _window(rng, image, 0.1, 0.6)
    image[rows, slice(None) if full_width else columns] = paint


def _picture(image: np.ndarray, rng: np.random.Generator) -> None:
    """Draws a patch of coloured noise that resembles a photograph."""
    rows, columns = _window(rng, image, 0.3, 0.8)
    h, w = rows.stop - rows.start, columns.stop - columns.start
    depth = smooth_noise(rng, h, w, 5)[..., None]
    tone = smooth_noise(rng, h, w, 3)[..., None]
    a, b, c = random_color(rng), random_color(rng), random_color(rng)
    image[rows, columns] = a + (b - a) * depth + (c - a) * (tone > 0.55) * 0.8


def _logo(image: np.ndarray, rng: np.random.Generator) -> None:
    """Draws a disc, ring or diamond."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    radius = rng.uniform(0.06, 0.22) * min(height, width)
    dy, dx = y - rng.uniform(0.1, 0.9) * height, x - rng.uniform(0.1, 0.9) * width
    kind = rng.integers(3)
    distance = np.abs(dy) + np.abs(dx) if kind == 2 else np.hypot(dy, dx)
    image[(distance < radius) & ((distance > 0.6 * radius) | (kind != 1))] = random_color(rng)


def _text(image: np.ndarray, rng: np.random.Generator) -> None:
    """Draws lines of mock text: bars of letter height with random gaps, small print or a headline."""
    rows, columns = _window(rng, image, 0.1, 0.7)
    letter = int(rng.integers(3, 6)) if rng.uniform() < 0.6 else int(rng.integers(8, 20))
    paint = random_color(rng)
    for top in range(rows.start, rows.stop - letter, int(1.7 * letter) + 1):
        left = columns.start
        while left < columns.stop:
            stroke = max(1, int(rng.integers(1, 4) * letter / 8))
            if rng.uniform() > 0.18:  # else a gap between words
                image[top : top + letter, left : min(left + stroke, columns.stop)] = paint
            left += stroke + max(1, letter // 5)


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] to uint8."""
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
