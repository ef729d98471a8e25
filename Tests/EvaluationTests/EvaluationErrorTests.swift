import EdgeRuntime
import ModelGraph
import Testing

@testable import Evaluation

@Suite struct EvaluationErrorTests {
    @Test func messagesNameTheFileAndTheNumbers() {
        #expect(
            EvaluationError.unreadable(file: "d.txt", errno: 2).description
                == "d.txt: cannot be read: No such file or directory")
        #expect(
            EvaluationError.container(file: "a.atn", .file(errno: 2)).description
                == "a.atn: cannot be read: No such file or directory")
        #expect(
            EvaluationError.container(file: "a.atn", .outOfMemory(byteCount: 64)).description
                == "a.atn: 64 bytes of memory are not available")
        #expect(
            EvaluationError.tasksDiffer(
                file: "a.atn", task: .embed, otherFile: "float", otherTask: .classify
            ).description == "a.atn: made to embed, but float to classify")
        #expect(
            EvaluationError.outputSizesDiffer(
                file: "a.atn", count: 3, otherFile: "float", otherCount: 2, line: 9
            ).description
                == "a.atn: an output of 3 numbers for line 9, but 2 from float")
        #expect(
            EvaluationError.programFailed("run-edge", status: 3).description
                == "run-edge: ended with status 3")
    }

    @Test func problemsNameTheMember() {
        #expect(
            LineProblem.wrongType(member: "ids", expected: "an array", found: "null").description
                == "member 'ids' must be an array, found null")
        #expect(
            LineProblem.idOutOfRange(member: "ids", position: 3, id: 1 << 40).description
                == "member 'ids': 1099511627776 at position 3 does not fit 32 bits")
        #expect(
            LineProblem.unknownLabel("x", known: (1...9).map(String.init)).description
                == "label 'x' is not one of the model's 9 labels: "
                + "'1', '2', '3', '4', '5', '6', '7', '8', …")
        #expect(
            LineProblem.reference(.tooManyTokens(count: 41, maximum: 40)).description
                == "float reference: the input has 41 tokens but the model takes 40 at most")
        #expect(
            LineProblem.container(file: "a.atn", .emptyInput).description
                == "a.atn: the input has no tokens")
    }

    @Test func onlyModelsAreInvalidModels() {
        #expect(EvaluationError.digestMismatch(file: "a.atn").isModelInvalid)
        #expect(EvaluationError.labelsDiffer(file: "a.atn", otherFile: "b").isModelInvalid)
        #expect(!EvaluationError.noExamples(file: "d.txt", first: nil).isModelInvalid)
        #expect(!EvaluationError.programNotFound("run-edge").isModelInvalid)
    }
}
