import CChecksums

extension Checkpoint {
    /// SHA-256 of the weight files one after the other in the order of their names; reads all of
    /// them once.
    package func weightsDigest() throws(CheckpointError) -> [UInt8] {
        var state = atn_sha256()
        atn_sha256_begin(&state)
        for file in weightFiles {
            try forEachPiece(of: file) { piece in
                atn_sha256_update(&state, piece.baseAddress, piece.count)
            }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        digest.withUnsafeMutableBufferPointer { atn_sha256_end(&state, $0.baseAddress) }
        return digest
    }
}
