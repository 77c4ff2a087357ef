"""Schemas and nodes; inputs take the keywords that ComfyUI's take, and no others."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

_ANY = {"display_name", "optional", "tooltip", "advanced"}
_WIDGET = _ANY | {"default", "force_input"}
_NUMBER = _WIDGET | {"min", "max", "step"}
_KEYWORDS = {
    "BOOLEAN": _WIDGET | {"label_on", "label_off"},
    "INT": _NUMBER | {"control_after_generate"},
    "FLOAT": _NUMBER | {"round"},
    "COMBO": _ANY | {"default", "options", "upload", "control_after_generate"},
    "STRING": _WIDGET | {"multiline", "placeholder"},
    "BOUNDING_BOX": {"display_name", "optional", "tooltip", "default", "force_input"},
}


class Input:
    io_type = None

    def __init__(self, id, **given):
        if unknown := set(given) - _KEYWORDS.get(self.io_type, _ANY):
            raise TypeError(f"{self.io_type} input {id} takes no {unknown}")
        self.id, self.optional, self.tooltip, self.advanced = id, False, None, None
        self.display_name = self.default = None
        vars(self).update(given)


class Output:
    io_type = None

    def __init__(self, id=None, display_name=None, tooltip=None):
        self.id, self.display_name, self.tooltip = id, display_name or id, tooltip


def Custom(io_type):  # noqa: N802
    parts = {kind.__name__: type(kind.__name__, (kind,), {"io_type": io_type}) for kind in (Input, Output)}
    return type(io_type, (), {"io_type": io_type, **parts})


Boolean, Int, Float, String, Combo = map(Custom, ("BOOLEAN", "INT", "FLOAT", "STRING", "COMBO"))
Image, Mask, Audio, Video = map(Custom, ("IMAGE", "MASK", "AUDIO", "VIDEO"))
BoundingBox = Custom("BOUNDING_BOX")


class DynamicCombo:
    """A menu whose entries have inputs of their own; the node gets {its id: the entry, ...its inputs}."""

    io_type = "COMFY_DYNAMICCOMBO_V3"

    class Option:
        def __init__(self, key, inputs):
            self.key, self.inputs = key, inputs

    class Input(Input):
        io_type = "COMFY_DYNAMICCOMBO_V3"

        def __init__(self, id, options, display_name=None, optional=False, tooltip=None):
            super().__init__(id, display_name=display_name, optional=optional, tooltip=tooltip)
            self.options = options


class UploadType(str, Enum):
    audio = "audio_upload"


class ControlAfterGenerate(str, Enum):
    fixed = "fixed"


class FolderType(str, Enum):
    temp = "temp"
    output = "output"


class Hidden(str, Enum):
    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"


@dataclass
class Schema:
    node_id: str
    display_name: str
    category: str
    description: str = ""
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)
    hidden: list = field(default_factory=list)
    search_aliases: list = field(default_factory=list)
    is_output_node: bool = False
    has_intermediate_output: bool = False

    def validate(self):
        for ids in ([i.id for i in self.inputs], [o.id for o in self.outputs]):
            if len(set(ids)) != len(ids):
                raise ValueError(f"ids must be unique: {ids}")


class NodeOutput:
    def __init__(self, *args: Any, ui=None):
        self.args, self.ui = args, ui


class NodeReplace:
    def __init__(
        self, new_node_id, old_node_id, old_widget_ids=None, input_mapping=None, output_mapping=None
    ):
        self.new_node_id, self.old_node_id, self.old_widget_ids = new_node_id, old_node_id, old_widget_ids
        self.input_mapping, self.output_mapping = input_mapping, output_mapping


class _HiddenValues:
    def __init__(self, values):
        vars(self).update({key.name: value for key, value in values.items()})

    def __getattr__(self, name):
        return None


class ComfyNode:
    hidden = None

    @classmethod
    def GET_SCHEMA(cls):  # noqa: N802
        schema = cls.define_schema()
        schema.validate()
        return schema

    @classmethod
    def PREPARE_CLASS_CLONE(cls, v3_data):  # noqa: N802
        values = v3_data["hidden_inputs"] if v3_data else {}
        return type(cls.__name__, (cls,), {"hidden": _HiddenValues(values)})

    @classmethod
    def EXECUTE_NORMALIZED(cls, **inputs):  # noqa: N802
        output = cls.execute(**inputs)
        assert isinstance(output, NodeOutput)
        return output

    @classmethod
    async def EXECUTE_NORMALIZED_ASYNC(cls, **inputs):  # noqa: N802
        output = await cls.execute(**inputs)
        assert isinstance(output, NodeOutput)
        return output
