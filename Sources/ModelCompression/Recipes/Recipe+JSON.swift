import Checkpoints

extension Recipe {
    /// More passes than anybody means.
    private static let passLimit = 64

    /// The passes that a recipe can name, in the order of formats/recipe.md.
    private static let known: [any RecipePass.Type] = [
        ShrinkLayers.self, DropHeads.self, DropNeurons.self, DropLayers.self,
        PruneWeights.self, Factorize.self, TrimVocabulary.self, QuantizeWeights.self,
    ]

    /// Reads a recipe (formats/recipe.md).
    ///
    /// - Parameters:
    ///   - bytes: JSON text.
    ///   - name: What the recipe is called if it does not say.
    package init(parsing bytes: [UInt8], name: String) throws(RecipeError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, depthLimit: 16, valueLimit: 1 << 16)
        } catch {
            throw .json(error)
        }
        guard let object = value.object else {
            throw .wrongKind(
                place: "", member: "recipe", expected: "an object", found: value.kind)
        }
        var options = RecipeOptions(object, place: "")
        _ = try options.text("description")
        self.name = try options.text("name") ?? name
        guard let list = try options.objects("passes") else {
            throw .missing(place: "", member: "passes")
        }
        guard list.count <= Self.passLimit else {
            throw .tooManyPasses(count: list.count, limit: Self.passLimit)
        }
        try options.finish()
        var passes: [any CompressionPass] = []
        for options in list { passes.append(try Self.pass(options)) }
        self.passes = passes
        json = value.compactText
    }

    /// The passes as the recipe's text has them.
    func passObjects() throws(RecipeError) -> [JSONObject] {
        do {
            return try JSONValue(parsing: Array(json.utf8))["passes"]?.array?.compactMap(\.object)
                ?? []
        } catch {
            throw .json(error)
        }
    }

    /// The recipe of the passes before the first one with this name.
    package func beginning(before name: String) throws(RecipeError) -> Recipe {
        let passes = try passObjects().prefix { $0["pass"]?.string != name }
        var object = JSONObject()
        _ = object.append("name", .string(self.name))
        _ = object.append("passes", .array(passes.map { .object($0) }))
        let text = JSONValue.object(object).compactText
        return try Recipe(parsing: Array(text.utf8), name: self.name)
    }

    static func pass(_ options: RecipeOptions) throws(RecipeError) -> any CompressionPass {
        var options = options
        guard let name = try options.text("pass") else {
            throw .missing(place: options.place, member: "pass")
        }
        guard let type = known.first(where: { $0.name == name }) else {
            throw .unknownPass(place: options.place, name: name, known: known.map { $0.name })
        }
        let pass = try type.init(&options)
        try options.finish()
        return pass
    }
}

/// A pass that a recipe can name.
protocol RecipePass: CompressionPass {
    /// Takes the options that it knows.
    init(_ options: inout RecipeOptions) throws(RecipeError)
}
