"""Quantizes the ONNX model for ONNX Runtime: fused for BERT, dynamic, weights per channel."""

import json
import sys
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer


def main(checkpoint, out):
    configuration = json.loads((checkpoint / "config.json").read_text())
    fused = optimizer.optimize_model(
        str(out.parent / "onnx-float" / "model.onnx"),
        model_type="bert",
        num_heads=configuration["num_attention_heads"],
        hidden_size=configuration["hidden_size"],
    )
    fused.save_model_to_file(str(out / "fused.onnx"))
    quantize_dynamic(
        out / "fused.onnx",
        out / "model.onnx",
        per_channel=True,
        weight_type=QuantType.QInt8,
        # The fused operators are ONNX Runtime's own; shape inference does not know their types.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    (out / "fused.onnx").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
