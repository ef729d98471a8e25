enum Help {
    static let text = """
        OVERVIEW: Makes a trained attention model small and fast: one float checkpoint in, one .atn \
        file out.

        USAGE: compress <checkpoint> -o <model.atn> [--preset int8|small|fast|tiny|int4|float]
                        [--calibration data.jsonl] [--eval data.jsonl] [--bundle aarch64]
                        [--target-size 12MB] [--target-latency 5ms] [--max-drop 1%]
               compress inspect <model.atn | checkpoint>

        ARGUMENTS:
          <checkpoint>        a Hugging Face folder or a .safetensors file

        OPTIONS:
          -o, --output FILE   where to write the model; it appears complete or not at all
          --preset NAME       int8: near-lossless, the default
                              small: coarser steps, about half of int8's file
                              fast: half of the heads' and neurons' work gone
                              tiny: both
                              int4: weights in 4 bits, for text generation, which memory bounds
                              float: weights as they are, the baseline on the device
          --recipe FILE       an explicit list of passes (formats/recipe.md)
          --calibration FILE  unlabelled .jsonl or .txt inputs that passes may look at
          --dry-run           print what the recipe would do and the expected size
          --eval FILE         labelled .jsonl lines: prints the accuracy before and after
          --bundle ARCH,…     also write an executable with the model inside for each of aarch64,
                              armv7, x86-64, beside the output: model-aarch64
          --target-size SIZE  search for the best model whose file is at most 12MB, 11.5MiB, 800kB
                              or so many bytes; --preset or --recipe is the mildest that is tried
          --target-latency T  … that takes at most 5ms for one input, on this machine with --threads;
                              needs --calibration
          --latency-tokens N  length of that input; default 128
          --max-drop SHARE    … whose accuracy drops by at most 1%, on a third of --calibration, which
                              the passes do not see; alone: the smallest such file
          --task TASK         embed, classify, generate or raw; default: what the checkpoint is for
          --threads N         default: the processors this process may use
          --json              print one JSON document and nothing else
          --help, --version

        EXIT STATUS: 0 done, 1 some lines of --eval failed, 2 wrong usage, 3 invalid checkpoint, 4 budget not met
        """
}
