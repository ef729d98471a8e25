"""ONNX Runtime, float32 or int8: the model says which."""

import numpy
import onnxruntime


class Runtime:
    def __init__(self, folder, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.names = [node.name for node in self.session.get_inputs()]
        self.types = [node.type for node in self.session.get_inputs()]

    def prepare(self, ids):
        values = {
            "input_ids": numpy.array([ids]),
            "attention_mask": numpy.ones((1, len(ids))),
            "token_type_ids": numpy.zeros((1, len(ids))),
        }
        kinds = {"tensor(int64)": numpy.int64, "tensor(int32)": numpy.int32}
        return {
            name: values[name].astype(kinds[kind]) for name, kind in zip(self.names, self.types)
        }

    def run(self, inputs):
        return self.session.run(None, inputs)[0][0]
