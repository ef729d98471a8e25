package import Evaluation
package import ModelGraph

/// Everything that a comparison found out; JSON, Markdown and text are renderings of it.
package struct Report: Equatable, Sendable {
    /// The inputs that were answered.
    package struct DataSet: Equatable, Sendable {
        package var file: String
        package var exampleCount: Int
        package var labelledCount: Int
        /// Examples that were cut to the length that the model takes.
        package var truncatedCount: Int
        /// Lines that could not be used.
        package var failedLineCount: Int

        package init(
            file: String, exampleCount: Int, labelledCount: Int, truncatedCount: Int,
            failedLineCount: Int
        ) {
            self.file = file
            self.exampleCount = exampleCount
            self.labelledCount = labelledCount
            self.truncatedCount = truncatedCount
            self.failedLineCount = failedLineCount
        }
    }

    /// The machine, and what of it was used.
    package struct Environment: Equatable, Sendable {
        /// Nil where the system has no name for it.
        package var processor: String?
        package var usableProcessorCount: Int
        package var threadCount: Int
        /// Of the kernels that ran the containers.
        package var instructionSet: String

        package init(
            processor: String?, usableProcessorCount: Int, threadCount: Int,
            instructionSet: String
        ) {
            self.processor = processor
            self.usableProcessorCount = usableProcessorCount
            self.threadCount = threadCount
            self.instructionSet = instructionSet
        }
    }

    /// A container with what was found about it.
    package struct Container: Equatable, Sendable {
        package var facts: ContainerFacts
        package var metrics: OutputMetrics
        /// Nil if it was not measured.
        package var benchmark: Benchmark?

        package init(facts: ContainerFacts, metrics: OutputMetrics, benchmark: Benchmark?) {
            self.facts = facts
            self.metrics = metrics
            self.benchmark = benchmark
        }
    }

    package var checkpoint: CheckpointFacts
    package var data: DataSet
    package var environment: Environment
    /// Labelled examples that the reference gets right.
    package var referenceCorrectCount: Int
    /// Nil if it was not measured.
    package var referenceBenchmark: Benchmark?
    package var containers: [Container]
    /// What a reader must know before trusting the figures, one sentence each.
    package var notes: [String]

    package init(
        checkpoint: CheckpointFacts, data: DataSet, environment: Environment,
        referenceCorrectCount: Int, referenceBenchmark: Benchmark?, containers: [Container],
        notes: [String]
    ) {
        self.checkpoint = checkpoint
        self.data = data
        self.environment = environment
        self.referenceCorrectCount = referenceCorrectCount
        self.referenceBenchmark = referenceBenchmark
        self.containers = containers
        self.notes = notes
    }

    package var task: ModelTask { checkpoint.task }

    /// Size of a container as a share of the checkpoint's weights; nil if there are none.
    func shareOfFloat(_ container: Container) -> Double? {
        guard checkpoint.weightByteCount > 0 else { return nil }
        return Double(container.facts.byteCount) / Double(checkpoint.weightByteCount)
    }

    /// Accuracy of the reference on the labelled examples, 0…1; nil without labels.
    var referenceAccuracy: Double? {
        guard data.labelledCount > 0 else { return nil }
        return Double(referenceCorrectCount) / Double(data.labelledCount)
    }
}

extension OutputMetrics.Decisions {
    /// Accuracy on the labelled examples, 0…1; nil without labels.
    var accuracy: Double? {
        labelledCount > 0 ? Double(correctCount) / Double(labelledCount) : nil
    }
}

extension OutputMetrics {
    /// Share of the examples in which candidate and reference prefer the same label, 0…1.
    var agreement: Double? {
        decisions.map { Double($0.agreementCount) / Double(exampleCount) }
    }
}
