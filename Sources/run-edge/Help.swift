enum Help {
    static let text = """
        OVERVIEW: Runs a compressed attention model.

        USAGE: run-edge <model.atn> (--text TEXT [--text-pair TEXT] | --ids 101,2023,… | --input FILE)
               run-edge <model.atn> --socket PATH
               run-edge bench <model.atn> [--lengths 16,64,128] [--seconds 2]
               run-edge bench <model.atn> --serve   (lines "TOKENS MILLISECONDS" in, JSON lines out)
               run-edge tokenize <model.atn> (--text TEXT | --input FILE)
               run-edge info <model.atn>
               run-edge isa          (instruction sets, and the int8 peak of those this CPU has)

        OPTIONS:
          --text TEXT         one text; --text-pair gives a second one
          --ids LIST          token ids instead of a text
          --input FILE        .jsonl or .txt, - for JSON lines from standard input; one JSON object
                              comes out for each line
          --socket PATH       answer JSON lines of many clients of a Unix socket, until SIGTERM or
                              SIGINT; only this user may connect (mode 0600)
          --task TASK         embed, classify, generate or raw; default: what the model is for
          --max-tokens N      generate: the most tokens that follow the text; default 256
          --temperature T     generate: draw tokens, their scores divided by T; default 0 takes the best
          --top-k K           … from the K best tokens
          --top-p P           … from the most probable tokens that have P together
          --repetition-penalty R
                              … scores of tokens that are there already divided by R
          --seed S            where the random numbers start; default 0
          --stop TEXT         generate: end where this comes; may be repeated
          --slide             generate: where the context is full, go on with the later half of it
          --threads N         default: the fast processors this process may use
          --isa NAME          a lower instruction set than the CPU has; also ATTENUATE_ISA
          --max-memory SIZE   refuse to load what needs more, for instance 64MB
          --json              print one JSON document and nothing else
          --help, --version

        EXIT STATUS: 0 done, 1 some input failed, 2 wrong usage, 3 invalid model
        """
}
