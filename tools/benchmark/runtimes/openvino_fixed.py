"""OpenVINO with a model compiled for every length on its own, which is faster than one for all."""

import openvino

from benchmark.runtimes.openvino import Runtime as AnyLength
from benchmark.runtimes.openvino import configuration


class Runtime(AnyLength):
    def __init__(self, folder, threads):
        self.core = openvino.Core()
        self.path = folder / "model.xml"
        self.threads = threads
        self.length = None

    def prepare(self, ids):
        if len(ids) != self.length:
            model = self.core.read_model(self.path)
            model.reshape({port.any_name: [1, len(ids)] for port in model.inputs})
            compiled = self.core.compile_model(model, "CPU", configuration(self.threads))
            self.request = compiled.create_infer_request()
            self.length = len(ids)
        return super().prepare(ids)
