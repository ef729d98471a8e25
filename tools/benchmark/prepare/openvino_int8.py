"""Quantizes the ONNX model for OpenVINO with NNCF, calibrated."""

import sys
from pathlib import Path

import nncf
import numpy
import openvino

from benchmark.prepare import texts

CALIBRATION_COUNT = 128


def main(checkpoint, out):
    model = openvino.convert_model(out.parent / "onnx-float" / "model.onnx")
    model.reshape({port.any_name: [1, -1] for port in model.inputs})
    inputs = []
    for ids in texts.calibration(checkpoint, CALIBRATION_COUNT):
        row = numpy.array([ids], dtype=numpy.int64)
        inputs.append({
            "input_ids": row,
            "attention_mask": numpy.ones_like(row),
            "token_type_ids": numpy.zeros_like(row),
        })
    quantized = nncf.quantize(
        model,
        nncf.Dataset(inputs),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(inputs),
    )
    openvino.save_model(quantized, out / "model.xml", compress_to_fp16=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
