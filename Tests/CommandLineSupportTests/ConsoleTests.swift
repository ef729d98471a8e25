import CommandLineSupport
import Foundation
import Testing

extension StandardErrorTests {
    @Suite struct ConsoleTests {
        @Test func aMessageIsOneLineWhateverItNames() throws {
            let written = try StandardErrorTests.capture {
                Console.report("run-edge", "a\nb\r\u{1b}[31mc\u{7f}\0é")
            }
            #expect(written.contains("run-edge: a?b??[31mc??é\n"))
        }

        @Test func aPipeIsNoTerminal() throws {
            var isTerminal = true
            _ = try StandardErrorTests.capture { isTerminal = Console.errorIsTerminal }
            #expect(!isTerminal)
        }

        @Test func errorsOfTheSystemHaveWords() {
            #expect(Console.text(ofError: ENOENT) == String(cString: strerror(ENOENT)))
            #expect(!Console.text(ofError: 9_999).isEmpty)
        }

        @Test func theEnvironmentIsRead() {
            let path = ProcessInfo.processInfo.environment["PATH"].map { Array($0.utf8) }
            #expect(Console.environment("PATH") == (path == [] ? nil : path))
            #expect(Console.environment("ATTENUATE_CONSOLE_TEST_ABSENT") == nil)
        }

        @Test func theStatusOfAProcessIsPartOfTheContract() {
            #expect(ExitStatus.done.rawValue == 0)
            #expect(ExitStatus.someInputFailed.rawValue == 1)
            #expect(ExitStatus.wrongUsage.rawValue == 2)
            #expect(ExitStatus.invalidModel.rawValue == 3)
            #expect(ExitStatus.budgetMissed.rawValue == 4)
        }
    }
}
