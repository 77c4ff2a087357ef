"""The official checkout, made importable without the packages of which nothing is called here."""

import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import diffusers  # noqa: F401  before the stand-ins, which it would otherwise look for
import torch
import transformers  # noqa: F401
import yaml
from support.recipes import recipe_parameter

ONLY_IMPORTED = (
    "decord",
    "ffmpeg",
    "imageio",
    "insightface",
    "insightface.app",
    "matplotlib.pyplot",
    "soundfile",
)


class Uncalled(ModuleType):
    """A module whose names can be imported; using one is an error."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*arguments, **options):
            raise RuntimeError(f"{self.__name__}.{name} was called, but is a stand-in here.")

        return refuse


class Resize:
    """torchvision's resizing of float images (..., C, H, W): bicubic with antialias, or nothing to do."""

    def __init__(self, size, **options):
        self.size = tuple(size)

    def __call__(self, image):
        if tuple(image.shape[-2:]) == self.size:
            return image
        resized = torch.nn.functional.interpolate(
            image.reshape(-1, *image.shape[-3:]),
            self.size,
            mode="bicubic",
            align_corners=False,
            antialias=True,
        )
        return resized.reshape(*image.shape[:-2], *self.size)


class Normalize:
    """torchvision's normalisation with one mean and one deviation for all channels."""

    def __init__(self, mean, std, inplace=False):
        self.mean, self.std = mean[0], std[0]

    def __call__(self, image):
        return (image - self.mean) / self.std


def torchvision():
    """Return the parts of torchvision that the checkout calls, as modules by name."""
    package, transforms = Uncalled("torchvision"), Uncalled("torchvision.transforms")
    functional = Uncalled("torchvision.transforms.functional")
    functional.resize = lambda image, size, **options: Resize(size)(image)
    transforms.functional, transforms.Resize, transforms.Normalize = functional, Resize, Normalize
    transforms.InterpolationMode = SimpleNamespace(BICUBIC="bicubic")
    package.transforms = transforms
    return {module.__name__: module for module in (package, transforms, functional)}


def enter(checkout):
    """Import `latentsync` from `checkout` from now on; its modules read files relative to its root."""
    modules = {name: Uncalled(name) for name in ONLY_IMPORTED} | torchvision()
    for name, module in modules.items():
        module.__spec__, module.__path__ = ModuleSpec(name, None), []
        sys.modules[name] = module
    sys.path.insert(0, str(checkout))
    os.chdir(checkout)
    torch.set_grad_enabled(False)


def config(path, part="model"):
    """Read one part of a YAML file of the checkout."""
    return yaml.safe_load(Path(path).read_text())[part]


def numbers(values):
    """Convert the words that YAML 1.1 makes of numbers such as `1e-5`."""
    return {key: float(value) if value == "1e-5" else value for key, value in values.items()}


def shapes(model):
    """Return state-dict keys and shapes."""
    return {key: list(value.shape) for key, value in model.state_dict().items()}


def keeps_its_value(key):
    """Return whether a tensor is a table of positions, which no recipe replaces."""
    return key.endswith(".pe") or key == "encoder.positional_embedding"


def is_stored_as_half(key):
    return not key.endswith((".pe", "positional_embedding"))


def fill(model, half=False):
    """Give every parameter its recipe (rounded as golden files hold it if `half`); return the model in eval mode."""
    weights = {}
    for key, value in model.state_dict().items():
        made = value if keeps_its_value(key) else recipe_parameter(key, value.shape)
        weights[key] = made.half().float() if half and is_stored_as_half(key) else made
    model.load_state_dict(weights)
    return model.eval()


def store_weights(model):
    """Return the weights of a model filled with `half=True`, as the golden files hold them."""
    weights = model.state_dict().items()
    return {f"sd.{key}": value.half() if is_stored_as_half(key) else value for key, value in weights}
