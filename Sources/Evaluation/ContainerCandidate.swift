import EdgeFormat
package import EdgeRuntime
import EdgeTokenizer
package import ModelGraph

/// A container, run by the runtime of the device.
package final class ContainerCandidate: TokenizingCandidate {
    package let file: String
    package let task: ModelTask
    package let labels: [String]
    private let engine: Engine

    /// Loads a container.
    ///
    /// - Throws: `container`
    package init(
        file: String, container: Container, options: SessionOptions
    ) throws(EvaluationError) {
        self.file = file
        do {
            engine = try Engine(container, options: options)
        } catch {
            throw .container(file: file, error)
        }
        task =
            switch engine.task {
            case .classify: .classify
            case .embed: .embed
            case .raw: .raw
            case .generate: .generate
            }
        labels = engine.labels.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Opens a container and checks that its content has the digest of its header.
    ///
    /// - Throws: `container`, `digestMismatch`
    package static func open(file: String) throws(EvaluationError) -> Container {
        let container: Container
        do {
            container = try Container(path: Array(file.utf8))
        } catch {
            throw .container(file: file, error)
        }
        guard container.contentDigestMatches() else { throw .digestMismatch(file: file) }
        return container
    }

    package var hasTrimmedTokenizer: Bool { engine.tokenizer?.isTrimmed ?? false }

    package func encode(_ text: [UInt8], pair: [UInt8]?) throws(CandidateError) -> TokenSequence {
        do {
            let encoding = try engine.encode(text, pair: pair)
            return TokenSequence(
                ids: encoding.ids, typeIDs: encoding.typeIDs,
                isTruncated: encoding.untruncatedCount > encoding.ids.count)
        } catch {
            throw candidateError(error)
        }
    }

    package func output(for input: TokenSequence) throws(CandidateError) -> [Float] {
        do throws(RuntimeError) {
            switch task {
            case .classify:
                return try engine.session.run(
                    tokenIDs: input.ids, typeIDs: input.typeIDs, outputs: [.logits])[0].values
            case .embed:
                return try engine.embed(tokenIDs: input.ids, typeIDs: input.typeIDs)
            case .generate:
                return try engine.session.run(
                    tokenIDs: input.ids, typeIDs: [], outputs: [.nextLogits])[0].values
            case .raw:
                return try engine.raw(tokenIDs: input.ids, typeIDs: input.typeIDs).values
            }
        } catch {
            throw candidateError(error)
        }
    }

    private func candidateError(_ error: RuntimeError) -> CandidateError {
        switch error {
        case .emptyInput, .tooManyTokens, .tokenOutOfRange, .typeOutOfRange, .wrongTypeCount,
            .notFinite, .noTokenizer:
            .input(.container(file: file, error))
        case .noSuchOutput:
            .candidate(.outputMissing(file: file, task: task))
        default:
            .candidate(.container(file: file, error))
        }
    }
}
