"""OpenVINO on the CPU."""

import numpy
import openvino
from openvino import properties


class Runtime:
    def __init__(self, folder, threads):
        core = openvino.Core()
        compiled = core.compile_model(
            folder / "model.xml",
            "CPU",
            {
                properties.inference_num_threads(): threads,
                properties.hint.performance_mode(): properties.hint.PerformanceMode.LATENCY,
            },
        )
        self.request = compiled.create_infer_request()

    def prepare(self, ids):
        row = numpy.array([ids], dtype=numpy.int64)
        return {
            "input_ids": row,
            "attention_mask": numpy.ones_like(row),
            "token_type_ids": numpy.zeros_like(row),
        }

    def run(self, inputs):
        return self.request.infer(inputs, share_inputs=True, share_outputs=True)[0][0]
