"""Every error this library raises on purpose.

LatentSyncError
├── InputError            what the caller gave cannot be used
│   ├── MediaError        a video or audio file is missing, damaged or empty
│   ├── FaceError         no usable face where one is needed
│   └── OptionError       an option lies outside its range
├── WeightsError          a checkpoint cannot be used
│   ├── WeightsMissingError   a file is not where it was looked for
│   └── WeightsMismatchError  the tensors are not those of the expected model, or the file is damaged
├── OutputError           the result cannot be written
└── DeviceError           the device is absent, or out of memory

A message says what was got, what is accepted and what to do. Errors of other libraries are mapped
once, where they arise, with ``raise ... from exc``.
"""


class LatentSyncError(Exception):
    """Base of every error raised on purpose by this library."""


class InputError(LatentSyncError):
    """What the caller gave cannot be used."""


class MediaError(InputError):
    """A video or audio file is missing, damaged or empty."""


class FaceError(InputError):
    """No usable face where one is needed."""


class OptionError(InputError):
    """An option lies outside its range."""


class WeightsError(LatentSyncError):
    """A checkpoint cannot be used."""


class WeightsMissingError(WeightsError):
    """A weight file is not where it was looked for."""


class WeightsMismatchError(WeightsError):
    """The tensors of a file are not those of the expected model, or the file is damaged."""


class OutputError(LatentSyncError):
    """The result cannot be written."""


class DeviceError(LatentSyncError):
    """The device is absent, or out of memory."""
