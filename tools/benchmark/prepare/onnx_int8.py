"""Quantizes the ONNX model for ONNX Runtime: dynamic, weights per channel.

Without the fusions of `onnxruntime.transformers`, with which int8 is slower.
"""

import sys
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic


def main(checkpoint, out):
    quantize_dynamic(
        out.parent / "onnx-float" / "model.onnx",
        out / "model.onnx",
        per_channel=True,
        weight_type=QuantType.QInt8,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
