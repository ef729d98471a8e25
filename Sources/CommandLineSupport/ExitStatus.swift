/// What the exit status of every program means.
package enum ExitStatus: Int32, Sendable {
    case done = 0
    /// Some input lines failed; the others were answered.
    case someInputFailed = 1
    case wrongUsage = 2
    /// The checkpoint or container is invalid or unsupported.
    case invalidModel = 3
    /// A budget was not met; the best candidate was still written.
    case budgetMissed = 4
}
