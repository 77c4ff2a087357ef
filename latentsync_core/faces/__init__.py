"""Faces: detect, track, choose, align, crop. Runs on the weights in assets/faces; nothing is downloaded."""

from .align import crop_size, fit_similarity, measure_heights, smooth_matrices, template
from .choose import Speaker, choose, join_tracks, number_at, place_of, require_persons
from .crop import crop_face, warp_crop
from .draw import draw_faces
from .finder import FaceFinder
from .gaps import hold_place
from .lips import measure_openings
from .mask import keep_mask
from .mesh import Face
from .origin import fit_track, scale_track
from .sheet import draw_sheet, encode_image, pick_frames
from .square import align_track, make_square, square_pixels
from .store import SurveyStore
from .survey import Survey, survey
from .texture import measure_detail

__all__ = [
    "align_track",
    "square_pixels",
    "make_square",
    "Face",
    "FaceFinder",
    "Speaker",
    "Survey",
    "SurveyStore",
    "choose",
    "crop_face",
    "crop_size",
    "draw_faces",
    "draw_sheet",
    "encode_image",
    "measure_detail",
    "measure_heights",
    "fit_track",
    "hold_place",
    "join_tracks",
    "keep_mask",
    "measure_openings",
    "number_at",
    "pick_frames",
    "require_persons",
    "fit_similarity",
    "smooth_matrices",
    "place_of",
    "survey",
    "template",
    "scale_track",
    "warp_crop",
]
