import Evaluation
import ModelGraph

extension Report {
    /// The tables of the report in reading order.
    var tables: [ReportTable] {
        var tables = [settingTable, sizeTable, fidelityTable]
        if task == .classify { tables.append(decisionTable) }
        if referenceBenchmark != nil || containers.contains(where: { $0.benchmark != nil }) {
            tables.append(latencyTable)
        }
        tables.append(provenanceTable)
        return tables
    }

    private var settingTable: ReportTable {
        ReportTable(
            title: "What was compared", columns: [.text("what"), .text("value")],
            rows: [
                ["float original", checkpoint.file],
                ["family", checkpoint.family],
                ["task", checkpoint.task.rawValue],
                ["data set", data.file],
                ["examples", String(data.exampleCount)],
                ["examples with a label", String(data.labelledCount)],
                ["lines left out", String(data.failedLineCount)],
                ["processor", environment.processor ?? "not known"],
                ["usable cores", String(environment.usableProcessorCount)],
                ["threads", String(environment.threadCount)],
                ["instruction set", environment.instructionSet],
            ])
    }

    private var sizeTable: ReportTable {
        var table = ReportTable(
            title: "Size and memory",
            columns: [
                .text("model"), .number("size, MB"), .number("share of float, %"),
                .number("load, ms"), .number("first run, ms"), .number("peak memory, MB"),
            ])
        func row(_ name: String, _ byteCount: Int, _ share: Double?, _ benchmark: Benchmark?) {
            table.rows.append([
                name, megabytes(byteCount), percent(share),
                fixed(benchmark?.loadMilliseconds, 2), fixed(benchmark?.firstMilliseconds, 2),
                megabytes(benchmark?.peakResidentByteCount),
            ])
        }
        row("float", checkpoint.weightByteCount, 1, referenceBenchmark)
        for container in containers {
            row(
                container.facts.file, container.facts.byteCount, shareOfFloat(container),
                container.benchmark)
        }
        return table
    }

    private var fidelityTable: ReportTable {
        ReportTable(
            title: "Outputs against the float original",
            columns: [
                .text("model"), .number("cosine, mean"), .number("5th percentile"),
                .number("minimum"), .number("largest error"), .number("mean error"),
            ],
            rows: containers.map { container in
                let metrics = container.metrics
                return [
                    container.facts.file, fixed(metrics.cosine.mean, 6),
                    fixed(metrics.cosine.fifthPercentile, 6), fixed(metrics.cosine.minimum, 6),
                    fixed(metrics.maximumAbsoluteError, 6), fixed(metrics.meanAbsoluteError, 6),
                ]
            })
    }

    private var decisionTable: ReportTable {
        var table = ReportTable(
            title: "Decisions",
            columns: [
                .text("model"), .number("agreement with float, %"), .number("accuracy, %"),
                .number("difference, points"), .number("95 % interval, points"),
                .number("divergence, nats"),
            ])
        table.rows.append([
            "float", percent(1), percent(referenceAccuracy), unknownFigure, unknownFigure,
            unknownFigure,
        ])
        for container in containers {
            guard let decisions = container.metrics.decisions else { continue }
            let difference = decisions.difference
            table.rows.append([
                container.facts.file, percent(container.metrics.agreement),
                percent(decisions.accuracy),
                fixed(difference.map { $0.estimate * 100 }, 2, signed: true),
                difference.map {
                    fixed($0.interval.lowerBound * 100, 2, signed: true) + " … "
                        + fixed($0.interval.upperBound * 100, 2, signed: true)
                } ?? unknownFigure,
                fixed(decisions.meanDivergence, 6),
            ])
        }
        return table
    }

    private var latencyTable: ReportTable {
        var table = ReportTable(
            title: "Latency",
            columns: [
                .text("model"), .number("tokens"), .number("median, ms"), .number("p90, ms"),
                .number("p99, ms"), .number("minimum, ms"), .number("runs"),
                .number("times as fast as float"),
            ])
        func rows(_ name: String, _ benchmark: Benchmark?) {
            for length in benchmark?.lengths ?? [] {
                let median = length.medianMilliseconds
                let float = referenceBenchmark?.lengths.first { $0.tokenCount == length.tokenCount }
                table.rows.append([
                    name, String(length.tokenCount), fixed(median, 3),
                    fixed(length.p90Milliseconds, 3), fixed(length.p99Milliseconds, 3),
                    fixed(length.minimumMilliseconds, 3), String(length.runCount),
                    fixed(median > 0 ? float.map { $0.medianMilliseconds / median } : nil, 2),
                ])
            }
        }
        rows("float", referenceBenchmark)
        for container in containers { rows(container.facts.file, container.benchmark) }
        return table
    }

    private var provenanceTable: ReportTable {
        ReportTable(
            title: "Provenance",
            columns: [.text("model"), .text("SHA-256"), .text("of"), .text("recipe")],
            rows: [["float", checkpoint.digest, "the weight files", unknownFigure]]
                + containers.map {
                    [
                        $0.facts.file, $0.facts.digest, "the bytes after the header",
                        $0.facts.recipe ?? "not recorded",
                    ]
                })
    }
}
