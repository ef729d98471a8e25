import EdgeFormat
import Testing

@Suite struct ContainerDirectoryTests {
    @Test func everyRecordSurvivesTheRoundTrip() throws {
        let container = SampleContainer()
        #expect(try read(container.bytes()).directory == container.directory)
    }

    @Test func tensorsAreFoundByName() {
        let directory = SampleContainer().directory
        for (index, tensor) in directory.tensors.enumerated() {
            #expect(directory.tensor(named: tensor.name) == index)
        }
        for name in ["", "bet", "betaa", "weights", "zzz"] {
            #expect(directory.tensor(named: Array(name.utf8)) == nil)
        }
    }

    // MARK: - Sections

    private func refusal(
        _ change: @escaping (inout [SampleContainer.Section]) -> Void
    ) -> FormatError? {
        SampleContainer.refusal(directory: { directory in
            var sections = SampleContainer.sections(of: directory)
            change(&sections)
            directory = SampleContainer.encode(sections)
        })
    }

    private static func tag(_ text: String) -> UInt32 {
        Array(text.utf8).u32(at: 0)
    }

    @Test func everySectionIsNeeded() {
        for section in SectionTag.allCases {
            #expect(
                refusal { $0.removeAll { $0.tag == section.rawValue } }
                    == .sectionMissing(tag: section.rawValue))
        }
    }

    @Test func sectionsAscend() {
        #expect(
            refusal { $0.swapAt(0, 1) } == .sectionOrder(tag: SectionTag.chunks.rawValue))
        #expect(
            refusal { $0.insert($0[2], at: 2) } == .sectionOrder(tag: SectionTag.metadata.rawValue))
    }

    @Test func anUnknownSectionIsIgnoredUnlessItIsRequired() {
        let tag = Self.tag("ZZZZ")
        #expect(refusal { $0.append(.init(tag: tag, flags: 0, payload: [1, 2, 3])) } == nil)
        #expect(
            refusal { $0.append(.init(tag: tag, flags: 1, payload: [])) }
                == .unknownSection(tag: tag))
    }

    @Test func flagsOfSectionsAreChecked() {
        #expect(
            refusal { $0[0].flags = 3 }
                == .wrongValue(field: "reserved section flags", expected: 0, found: 3))
        #expect(
            refusal { $0[0].flags = 0 }
                == .wrongValue(field: "flags of a known section", expected: 1, found: 0))
    }

    @Test func aSectionCannotLeaveTheDirectory() {
        var error = SampleContainer.refusal(directory: { $0.set(UInt64(1) << 62, at: 8) })
        guard case .truncated(field: "section", _, needed: 1 << 62, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        error = SampleContainer.refusal(directory: { $0.set(UInt64(1) << 63, at: 8) })
        #expect(
            error == .overLimit(field: "section size", limit: UInt64(Int.max), found: 1 << 63))
    }

    @Test func paddingBehindASectionIsZero() {
        let error = refusal { $0.append(.init(tag: Self.tag("ZZZZ"), flags: 0, payload: [1])) }
        #expect(error == nil)
        let padded = SampleContainer.refusal(directory: { directory in
            directory += SampleContainer.encode(
                [.init(tag: Self.tag("ZZZZ"), flags: 0, payload: [1])])
            directory[directory.count - 1] = 1
        })
        guard case .nonZeroPadding = padded else {
            Issue.record("\(String(describing: padded))")
            return
        }
    }

    @Test func nothingFollowsThePayloadOfASection() {
        let names: [(SectionTag, StaticText)] = [
            (.chunks, "chunks"), (.features, "features"), (.metadata, "metadata"),
            (.program, "program"), (.tensors, "tensors"),
        ]
        for (section, name) in names {
            #expect(
                SampleContainer.refusal(in: section) { $0 += [0, 0] }
                    == .trailingBytes(field: name, count: 2))
        }
    }

    // MARK: - Features

    @Test func anUnknownFeatureIsNamed() {
        let name = Array("int3-groups".utf8)
        #expect(
            SampleContainer.refusal { $0.directory.features = [name] }
                == .unknownFeature(name: name))
    }

    @Test func aFeatureThatIsUsedIsListed() {
        for feature in [Feature.int8Attention, Feature.int8Rows] {
            #expect(
                SampleContainer.refusal {
                    $0.directory.features.removeAll { $0 == feature.bytes }
                } == .missingFeature(name: feature))
        }
    }

    @Test func featuresAscend() {
        #expect(
            SampleContainer.refusal { $0.directory.features.swapAt(0, 1) }
                == .notAscending(field: "feature", index: 1))
        #expect(
            SampleContainer.refusal { $0.directory.features[1] = $0.directory.features[0] }
                == .notAscending(field: "feature", index: 1))
    }

    @Test func featuresAreTextAndFew() {
        #expect(
            SampleContainer.refusal { $0.directory.features = [[0xff]] }
                == .invalidText(field: "feature"))
        #expect(
            SampleContainer.refusal(in: .features) { $0.set(UInt32(65), at: 0) }
                == .overLimit(field: "feature count", limit: 64, found: 65))
    }
}
