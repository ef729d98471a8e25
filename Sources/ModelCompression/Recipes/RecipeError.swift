package import Checkpoints

/// Which rule of a recipe is broken (formats/recipe.md).
package enum RecipeError: Error, Equatable {
    case json(JSONError)
    /// A value of the wrong kind; `place` is empty for the recipe itself, else like `passes[1]`.
    case wrongKind(place: String, member: String, expected: String, found: String)
    case missing(place: String, member: String)
    case unknownMember(place: String, member: String, known: [String])
    case unknownPass(place: String, name: String, known: [String])
    case unknownChoice(place: String, member: String, found: String, known: [String])
    case outOfRange(place: String, member: String, found: String, range: String)
    /// More than one of some members.
    case excluding(place: String, members: [String])
    case tooManyPasses(count: Int, limit: Int)
}

extension RecipeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .json(let error):
            error.description
        case .wrongKind(let place, let member, let expected, let found):
            "\(at(place))'\(member)' must be \(expected), found \(found)"
        case .missing(let place, let member):
            "\(at(place))'\(member)' is missing"
        case .unknownMember(let place, let member, let known):
            "\(at(place))no option '\(member)'; known: \(known.joined(separator: ", "))"
        case .unknownPass(let place, let name, let known):
            "\(at(place))no pass '\(name)'; known: \(known.joined(separator: ", "))"
        case .unknownChoice(let place, let member, let found, let known):
            "\(at(place))'\(member)' is '\(found)'; known: \(known.joined(separator: ", "))"
        case .outOfRange(let place, let member, let found, let range):
            "\(at(place))'\(member)' is \(found), allowed is \(range)"
        case .excluding(let place, let members):
            "\(at(place))only one of \(members.joined(separator: ", ")) may be given"
        case .tooManyPasses(let count, let limit):
            "\(count) passes are more than the limit of \(limit)"
        }
    }

    private func at(_ place: String) -> String {
        place.isEmpty ? "" : place + ": "
    }
}
