/// The members of a JSON object, in the order they were written; names are unique.
package struct JSONObject: Equatable, Sendable {
    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var members: [Member] = []
    private var positions: [CodePoints: Int] = [:]

    package init() {}

    package var count: Int {
        members.count
    }

    /// The value with this name, code point for code point.
    package subscript(name: String) -> JSONValue? {
        positions[CodePoints(name)].map { members[$0].value }
    }

    /// Adds a member; false, and no change, if the name is taken.
    package mutating func append(_ name: String, _ value: JSONValue) -> Bool {
        let position = members.count
        let known = positions.updateValue(position, forKey: CodePoints(name))
        if let known {
            positions[CodePoints(name)] = known
            return false
        }
        members.append(Member(name: name, value: value))
        return true
    }

    /// The object with another value for a name, in its place, or as the last member.
    package func setting(_ name: String, to value: JSONValue) -> JSONObject {
        var object = JSONObject()
        var isNew = true
        for member in members {
            let isNamed = CodePoints(member.name) == CodePoints(name)
            if isNamed { isNew = false }
            _ = object.append(member.name, isNamed ? value : member.value)
        }
        if isNew { _ = object.append(name, value) }
        return object
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members == right.members
    }
}
