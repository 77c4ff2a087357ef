"""The results of the official code that aligns, pastes and masks a face."""

import cv2
import numpy as np
import torch
from support.recipes import frame

from .upstream import Resize

LANDMARKS = np.array(
    [
        [[70, 60], [118, 62], [95, 100]],
        [[71, 61], [119, 62], [96, 101]],
        [[73, 60], [121, 64], [97, 101]],
        [[76, 63], [122, 69], [97, 104]],
        [[60, 80], [110, 60], [98, 112]],
        [[12, 20], [40, 18], [27, 44]],
    ],
    np.float64,
)
"""(frame, left eye | right eye | nose, x | y); the last is near the border of a frame of 180x200."""
CROPS = {256: ((0, 60, 120), (4, 0, 60), (5, 0, 60)), 512: ((0, 200, 240),)}
"""Resolution -> (frame, first row, end of rows)."""
RESTORED = {256: 0, 512: 3}


def restorer(resolution):
    from latentsync.utils.affine_transform import AlignRestore

    return AlignRestore(resolution=resolution, dtype=torch.float32)


def align(resolution, smooth):
    """Return crops and matrices of the six frames, in order through one restorer."""
    aligner = restorer(resolution)
    pairs = [
        aligner.align_warp_face(frame(180, 200, i), points, smooth) for i, points in enumerate(LANDMARKS)
    ]
    return [crop for crop, _ in pairs], torch.cat([matrix for _, matrix in pairs])


def drawn_face(resolution):
    """Draw the face D of tests/golden/README.md, (3, resolution, resolution) in -1..1."""
    y, x = torch.meshgrid(*[torch.arange(resolution, dtype=torch.float32)] * 2, indexing="ij")
    return torch.stack(
        [torch.sin(x / 19 + y / 31), torch.cos(x / 23) * torch.sin(y / 29), torch.cos((x + y) / 37)]
    )


def face():
    arrays = {"landmarks": LANDMARKS}
    for resolution, shown in CROPS.items():
        crops, smooth = align(resolution, smooth=True)
        arrays[f"M_smooth_{resolution}"] = smooth.numpy()
        arrays[f"M_nosmooth_{resolution}"] = align(resolution, smooth=False)[1].numpy()
        for i, first, end in shown:
            arrays[f"crop_{resolution}_i{i}_rows{first}_{end}"] = crops[i][first:end]
        if resolution == 256:
            resized = cv2.resize(crops[0], (256, 256), interpolation=cv2.INTER_LANCZOS4)
            arrays["face256_lanczos_i0_rows60_120"] = resized[60:120]
        i = RESTORED[resolution]
        pasted = Resize(crops[i].shape[:2])(drawn_face(resolution))
        restored = restorer(resolution).restore_img(frame(180, 200, i), pasted, smooth[i : i + 1])
        arrays[f"restore_{resolution}_frame_i{i}"] = restored
    return {"face.npz": arrays}


def to_latents(mask, side):
    """Shrink the mask to the size of latents, as the official pipeline does."""
    return torch.nn.functional.interpolate(mask[None], (side, side))[0, 0].double().numpy()


def row_runs(masked):
    """Return {row: [[first column, last column], ...]} of the pixels that are inpainted."""
    runs = {}
    for y, row in enumerate(masked):
        edges = np.flatnonzero(np.diff(np.pad(row.astype(int), 1)))
        if len(edges):
            runs[str(y)] = [[int(a), int(b) - 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return runs


def polygon(masked, epsilon):
    """Measure how well one polygon, its outline simplified by `epsilon` pixels, stands for the mask."""
    from latentsync.utils.image_processor import load_fixed_mask

    contours, _ = cv2.findContours(masked.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = cv2.approxPolyDP(max(contours, key=cv2.contourArea), epsilon, True)
    drawn = cv2.fillPoly(np.zeros(masked.shape, np.uint8), [points], 1).astype(bool)
    keep = np.where(drawn, 0, 255).astype(np.uint8)
    larger = cv2.resize(keep, (512, 512), interpolation=cv2.INTER_LANCZOS4) / 255.0
    off32 = to_latents(torch.from_numpy(keep / 255.0)[None], 32) != to_latents(load_fixed_mask(256), 32)
    off64 = np.abs(to_latents(torch.from_numpy(larger)[None], 64) - to_latents(load_fixed_mask(512), 64))
    return {
        "points": points[:, 0].tolist(),
        "mismatch": int((drawn != masked).sum()),
        "iou": float((drawn & masked).sum() / (drawn | masked).sum()),
        "latent32_equal": bool(not off32.any()),
        "latent32_mismatch": int(off32.sum()),
        "latent64_max_abs_diff": float(off64.max()),
        "latent64_n_diff": int((off64 > 0).sum()),
    }


def mask():
    from latentsync.utils.image_processor import load_fixed_mask

    masked = load_fixed_mask(256)[0].numpy() < 0.5
    latent32, latent64 = to_latents(load_fixed_mask(256), 32), to_latents(load_fixed_mask(512), 64)
    described = {
        "size": 256,
        "polarity": "1/255 = keep, 0 = inpaint",
        "inpaint_row_runs_inclusive": row_runs(masked),
        "approx_polygons": {str(e): polygon(masked, e) for e in (0.01, 0.5, 0.75, 1.0)},
        "latent32_keep": ["".join(str(int(v)) for v in row) for row in latent32],
        "latent64_keep_times_255": np.rint(latent64 * 255).astype(int).tolist(),
    }
    return {"mask.json": described}
