/// Why a program stops: one sentence and an exit status.
package struct Failure: Error {
    package let message: String
    package let status: ExitStatus

    package init(_ message: String, _ status: ExitStatus) {
        self.message = message
        self.status = status
    }

    package init(_ error: UsageError) {
        self.init(error.message, .wrongUsage)
    }
}
