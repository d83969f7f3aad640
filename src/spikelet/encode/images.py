"""Front ends of images: filters as of retina and cortex, whose contrasts become latencies.

Both take images (B, H, W), filter them (the rim of an image goes on around it, the size is kept), and turn the
contrasts above a threshold into spikes by `timing.intensity_to_latency`: (T, B, maps, H, W).
"""

from typing import Any

import numpy as np

from spikelet.encode.arguments import checked, integer, positive, within
from spikelet.encode.tensors import Signal, cast, detached, dtype, like, module, total, zeros
from spikelet.encode.timing import intensity_to_latency
from spikelet.errors import InputError, ShapeError


def difference_of_gaussians(
    x: Signal,
    steps: int,
    *,
    sigmas: tuple[float, float] = (1.0, 2.0),
    size: int = 7,
    threshold: float = 15 / 255,
    normalise: int | None = None,
) -> Signal:
    """Return spikes of ON and OFF cells: the stronger the contrast, the earlier.

    The filter is the difference of two Gaussians, each of sum 1, so that an even image is silent; OFF has the sign
    turned round. Contrasts below the threshold are 0.

    Args:
        x: (B, H, W), in [0, 1].
        steps: number of steps T (15 to 30 in the papers).
        sigmas: of the inner and the outer Gaussian [pixels].
        size: of the filter [pixels], odd.
        threshold: smallest contrast that counts, in the unit of x (15/255 for photographs, 50/255 for digits).
        normalise: radius [pixels] of the neighbourhood by whose mean contrast each contrast is divided (8 in later
            work), so that faint edges fire as early as strong ones; default: none.

    Returns:
        (T, B, 2, H, W), 0 or 1: ON, OFF.

    Source:
        Kheradpisheh, Ganjtabesh, Thorpe & Masquelier 2018, section 2.1; Delorme, Perrinet & Thorpe 2001.

    Example:
        >>> image = np.zeros((1, 9, 9)); image[0, 4, 4] = 1.0
        >>> on, off = difference_of_gaussians(image, steps=4).sum((0, 1, 3, 4)).tolist()
        >>> on, off
        (1.0, 0.0)
    """
    name = "difference_of_gaussians"
    data, kernel = _images(x, name), dog_kernel(size, *sigmas)
    contrast = filtered_image(data, kernel)
    return _spikes(name, [contrast, -contrast], data, steps, threshold, normalise)


def gabor(
    x: Signal,
    steps: int,
    *,
    orientations: int = 4,
    size: int = 5,
    wavelength: float = 2.5,
    sigma: float = 2.0,
    gamma: float = 0.3,
    threshold: float = 0.0,
    normalise: int | None = None,
) -> Signal:
    """Return spikes of cells that prefer edges of one orientation: the stronger the response, the earlier.

    The filter of orientation theta is exp(-(u**2 + gamma**2*v**2)/(2*sigma**2))*cos(2*pi*u/wavelength) with (u, v) the
    pixel turned by theta, less its mean, over the sum of its absolute values. The response is the absolute value.

    Args:
        x: (B, H, W), in [0, 1].
        steps: number of steps T.
        orientations: number of orientations, at (i + 1/2)*pi/orientations.
        size: of the filter [pixels], odd.
        wavelength: of the grating [pixels].
        sigma: width of the Gaussian [pixels].
        gamma: its aspect ratio.
        threshold: smallest response that counts, in the unit of x.
        normalise: as in `difference_of_gaussians`.

    Returns:
        (T, B, orientations, H, W), 0 or 1.

    Source:
        Masquelier & Thorpe 2007, Unsupervised learning of visual features through STDP; the filter is that of Serre,
        Oliva & Poggio 2007.
    """
    data, count = _images(x, "gabor"), integer("orientations", orientations, 1)
    angles = (np.arange(count) + 0.5) * np.pi / count
    kernels = [gabor_kernel(size, angle, wavelength, sigma, gamma) for angle in angles]
    return _spikes("gabor", [abs(filtered_image(data, k)) for k in kernels], data, steps, threshold, normalise)


def dog_kernel(size: int, inner: float, outer: float) -> np.ndarray:
    """Return the difference of two Gaussians, (size, size), of sum 0."""
    inner, outer = positive("sigmas", inner, "pixels"), positive("sigmas", outer, "pixels")
    if inner == outer:
        raise InputError(f"difference_of_gaussians: sigmas must differ, not {inner:g} and {outer:g}")
    y, x = _grid(size)
    bells = [np.exp(-(x * x + y * y) / (2 * sigma * sigma)) for sigma in (inner, outer)]
    return bells[0] / bells[0].sum() - bells[1] / bells[1].sum()


def gabor_kernel(size: int, angle: float, wavelength: float, sigma: float, gamma: float) -> np.ndarray:
    """Return a Gabor filter, (size, size), of mean 0 and absolute sum 1."""
    wavelength, sigma = positive("wavelength", wavelength, "pixels"), positive("sigma", sigma, "pixels")
    gamma = positive("gamma", gamma, "1")
    y, x = _grid(size)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wave = np.exp(-(u * u + (gamma * v) ** 2) / (2 * sigma * sigma)) * np.cos(2 * np.pi * u / wavelength)
    wave -= wave.mean()
    return wave / abs(wave).sum()


def filtered_image(images: Any, kernel: np.ndarray) -> Any:
    """Return the correlation of images (B, H, W) with a kernel, in float64; around an image its rim goes on.

    Products are added in the order of the kernel's taps, so that no library or device rounds otherwise.
    """
    reach = len(kernel) // 2
    height, width = images.shape[-2:]
    rows, columns = (like(np.arange(-reach, size + reach).clip(0, size - 1), images) for size in (height, width))
    wide = cast(images, "float64")[:, rows][:, :, columns]
    return total(
        float(tap) * wide[:, i : i + height, j : j + width] for i, row in enumerate(kernel) for j, tap in enumerate(row)
    )


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    size = integer("size", size, 3)
    if size % 2 == 0:
        raise InputError(f"size must be odd, so that a filter has a middle, not {size}")
    half = np.arange(size) - size // 2
    return half[:, None], half[None, :]


def _images(x: Any, name: str) -> Any:
    data = detached(checked(x, name, 0, 1, "divide 8-bit images by 255"))
    if data.ndim != 3:
        raise ShapeError(f"{name}: x must be (B, H, W), not {tuple(data.shape)}")
    if 0 in data.shape[1:]:
        raise ShapeError(f"{name}: images must have pixels, not the shape {tuple(data.shape)}")
    return data


def _spikes(name: str, maps: list[Any], data: Any, steps: int, threshold: float, normalise: int | None) -> Any:
    """Turn maps of contrast (B, H, W) into spikes (T, B, maps, H, W)."""
    level = within("threshold", threshold, 0, np.inf)
    contrast = module(data).stack([module(data).where(m >= level, m.clip(0), 0.0) for m in maps], 1)
    if normalise is not None:
        contrast = _normalised(contrast, integer("normalise", normalise, 1))
    return cast(intensity_to_latency(contrast, steps), dtype(data))


def _normalised(contrast: Any, radius: int) -> Any:
    """Divide each contrast by the mean of its neighbourhood in its map; 0 stays 0."""
    mean = _neighbours(_neighbours(contrast, radius, -1), radius, -2) / (2 * radius + 1) ** 2
    return contrast / (mean + cast(mean == 0, "float64"))


def _neighbours(maps: Any, radius: int, axis: int) -> Any:
    """Return the sum over the neighbours along an axis, with zeros around."""
    lines = maps.swapaxes(axis, 0)
    wide = zeros((len(lines) + 2 * radius, *lines.shape[1:]), maps)
    wide[radius : radius + len(lines)] = lines
    return total(wide[i : i + len(lines)] for i in range(2 * radius + 1)).swapaxes(axis, 0)
