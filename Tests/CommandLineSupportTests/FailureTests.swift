import CommandLineSupport
import Testing

@Suite struct FailureTests {
    @Test func wrongUsageKeepsItsSentenceAndHasStatus2() {
        let failure = Failure(.repeatedOption("--json"))
        #expect(failure.message == "option --json is given twice")
        #expect(failure.status.rawValue == 2)
    }
}
