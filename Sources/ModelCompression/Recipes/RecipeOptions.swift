import Checkpoints

/// The members of one object of a recipe, each asked for once; what nobody asked for is an error.
struct RecipeOptions {
    /// Where the object stands, for instance `passes[1]`; empty for the recipe itself.
    let place: String
    private let object: JSONObject
    private var asked: [String] = []

    init(_ object: JSONObject, place: String) {
        self.object = object
        self.place = place
    }

    mutating func text(_ name: String) throws(RecipeError) -> String? {
        guard let value = take(name) else { return nil }
        guard let text = value.string else { throw wrongKind(name, "a string", value) }
        return text
    }

    mutating func bool(_ name: String, default standard: Bool) throws(RecipeError) -> Bool {
        guard let value = take(name) else { return standard }
        guard let bool = value.bool else { throw wrongKind(name, "true or false", value) }
        return bool
    }

    mutating func integer(
        _ name: String, in range: ClosedRange<Int>, default standard: Int
    ) throws(RecipeError) -> Int {
        try integer(name, in: range) ?? standard
    }

    mutating func integer(
        _ name: String, in range: ClosedRange<Int>
    ) throws(RecipeError) -> Int? {
        guard let value = take(name) else { return nil }
        guard let integer = value.integer else { throw wrongKind(name, "an integer", value) }
        guard range.contains(integer) else {
            throw .outOfRange(
                place: place, member: name, found: "\(integer)",
                range: "\(range.lowerBound) … \(range.upperBound)")
        }
        return integer
    }

    mutating func number(
        _ name: String, in range: ClosedRange<Double>
    ) throws(RecipeError) -> Double? {
        guard let value = take(name) else { return nil }
        guard let number = value.number else { throw wrongKind(name, "a number", value) }
        guard range.contains(number) else {
            throw .outOfRange(
                place: place, member: name, found: "\(number)",
                range: "\(range.lowerBound) … \(range.upperBound)")
        }
        return number
    }

    mutating func number(
        _ name: String, in range: ClosedRange<Double>, default standard: Double
    ) throws(RecipeError) -> Double {
        try number(name, in: range) ?? standard
    }

    /// One of the names of an enumeration.
    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, default standard: Choice
    ) throws(RecipeError) -> Choice {
        guard let text = try text(name) else { return standard }
        guard let choice = Choice(rawValue: text) else {
            throw .unknownChoice(
                place: place, member: name, found: text,
                known: Choice.allCases.map(\.rawValue))
        }
        return choice
    }

    /// A number, or the word "search", for which nil is returned.
    mutating func numberOrSearch(
        _ name: String, in range: ClosedRange<Double>, default standard: Double?
    ) throws(RecipeError) -> Double? {
        guard let value = object[name] else { return standard }
        if value.string == "search" {
            _ = take(name)
            return nil
        }
        return try number(name, in: range)
    }

    mutating func texts(_ name: String) throws(RecipeError) -> [String]? {
        guard let value = take(name) else { return nil }
        guard let texts = value.array?.compactMap(\.string), texts.count == value.array?.count
        else { throw wrongKind(name, "an array of strings", value) }
        return texts
    }

    mutating func objects(_ name: String) throws(RecipeError) -> [RecipeOptions]? {
        guard let value = take(name) else { return nil }
        guard let elements = value.array else { throw wrongKind(name, "an array", value) }
        var objects: [RecipeOptions] = []
        for (index, element) in elements.enumerated() {
            guard let object = element.object else {
                throw wrongKind("\(name)[\(index)]", "an object", element)
            }
            let inner = "\(name)[\(index)]"
            objects.append(
                RecipeOptions(object, place: place.isEmpty ? inner : "\(place).\(inner)"))
        }
        return objects
    }

    /// - Throws: `unknownMember` for the first member that was not asked for.
    func finish() throws(RecipeError) {
        for member in object.members where !asked.contains(member.name) {
            throw .unknownMember(place: place, member: member.name, known: asked)
        }
    }

    private mutating func take(_ name: String) -> JSONValue? {
        asked.append(name)
        return object[name]
    }

    private func wrongKind(_ name: String, _ expected: String, _ value: JSONValue) -> RecipeError {
        .wrongKind(place: place, member: name, expected: expected, found: value.kind)
    }
}
