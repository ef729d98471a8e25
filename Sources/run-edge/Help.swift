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
          --task TASK         embed, classify or raw; default: what the model is for
          --threads N         default: the fast processors this process may use
          --isa NAME          a lower instruction set than the CPU has; also ATTENUATE_ISA
          --max-memory SIZE   refuse to load what needs more, for instance 64MB
          --json              print one JSON document and nothing else
          --help, --version

        EXIT STATUS: 0 done, 1 some input failed, 2 wrong usage, 3 invalid model
        """
}
