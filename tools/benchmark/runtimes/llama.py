"""llama.cpp by way of the C functions of llama-cpp-python."""

import llama_cpp

MAXIMUM_TOKENS = 512


@llama_cpp.llama_log_callback
def _silence(level, text, context):
    pass


class Runtime:
    def __init__(self, folder, threads):
        llama_cpp.llama_log_set(_silence, None)
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        path = str(folder / "model.gguf").encode()
        self.model = llama_cpp.llama_model_load_from_file(path, parameters)
        if not self.model:
            raise RuntimeError(f"llama.cpp does not load {path}")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = MAXIMUM_TOKENS
        options.n_threads = options.n_threads_batch = threads
        options.embeddings = True
        options.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_MEAN
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        self.width = llama_cpp.llama_model_n_embd(self.model)
        self.batch = llama_cpp.llama_batch_init(MAXIMUM_TOKENS, 0, 1)

    def prepare(self, ids):
        self.batch.n_tokens = len(ids)
        for position, token in enumerate(ids):
            self.batch.token[position] = token
            self.batch.pos[position] = position
            self.batch.n_seq_id[position] = 1
            self.batch.seq_id[position][0] = 0
            self.batch.logits[position] = 1
        return self.batch

    def run(self, batch):
        status = llama_cpp.llama_encode(self.context, batch)
        if status != 0:
            raise RuntimeError(f"llama_encode answers {status}")
        return llama_cpp.llama_get_embeddings_seq(self.context, 0)[: self.width]
