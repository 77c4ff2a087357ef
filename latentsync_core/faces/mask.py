"""The U-shaped mask of LatentSync: the part of a crop that is kept, and the part that the model generates."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array

_SIZE = 256

_OUTLINE = """
    9 95 9 135 10 136 10 149 11 150 11 163 12 164 12 170 13 171 13 172 14 173 14 174 15 175 15 176 16
    177 16 178 18 180 18 181 19 182 19 183 21 185 21 186 22 187 22 188 26 192 26 193 34 201 34 202 40
    208 41 208 45 212 46 212 49 215 50 215 52 217 53 217 54 218 55 218 57 220 58 220 60 222 61 222 62
    223 63 223 64 224 65 224 66 225 67 225 68 226 69 226 70 227 71 227 72 228 73 228 74 229 75 229 76
    230 77 230 78 231 79 231 80 232 81 232 82 233 84 233 85 234 86 234 87 235 89 235 90 236 92 236 93
    237 94 237 95 238 98 238 99 239 103 239 104 240 107 240 108 241 130 241 131 242 152 242 153 241 156
    241 157 240 160 240 161 239 164 239 165 238 166 238 167 237 168 237 169 236 171 236 172 235 173 235
    174 234 175 234 176 233 178 233 179 232 180 232 181 231 183 231 184 230 185 230 186 229 187 229 188
    228 189 228 190 227 191 227 193 225 194 225 195 224 196 224 198 222 199 222 201 220 202 220 205 217
    206 217 209 214 210 214 223 201 223 200 228 195 228 194 230 192 230 191 232 189 232 188 234 186 234
    185 236 183 236 182 238 180 238 179 240 177 240 176 241 175 241 174 242 173 242 172 243 171 243 170
    244 169 244 163 245 162 245 149 246 148 246 135 247 134 247 128 246 127 246 95 178 95 178 127 177
    128 78 128 77 127 77 95
"""
"""x y of the corners of the generated part; filled, they give latentsync/utils/mask.png pixel for pixel."""


def keep_mask(resolution: int) -> npt.NDArray[np.float32]:
    """Return the mask (R, R) in 0..1: 1 = keep the pixel, 0 = generate it.

    Sizes other than 256 are scaled as upstream does, by Lanczos in 8 bit, and have soft edges.
    """
    corners = np.array(_OUTLINE.split(), np.int32).reshape(-1, 2)
    mask: Array = np.full((_SIZE, _SIZE), 255, np.uint8)
    cv2.fillPoly(mask, [corners], (0,))
    if resolution != _SIZE:
        mask = cv2.resize(mask, (resolution, resolution), interpolation=cv2.INTER_LANCZOS4)
    return mask.astype(np.float32) / np.float32(255)
