package struct Encoding: Equatable, Sendable { package let ids: [Int32]; package let typeIDs: [Int32]; package let untruncatedCount: Int }
package enum TokenizerError: Error, Equatable, Sendable { case x; package var description: String { "" } }
package struct Tokenizer: Sendable { package init(_ blob: [UInt8]) throws(TokenizerError) {}
 package var vocabularySize: Int { 0 }
 package func tokenBytes(_ id: Int32) -> ArraySlice<UInt8>? { nil }
 package func encode(_ text: [UInt8], pair: [UInt8]? = nil, maximumTokens: Int? = nil) -> Encoding { fatalError() } }
