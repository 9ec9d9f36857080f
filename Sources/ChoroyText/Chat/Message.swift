/// One turn of a conversation.
public struct Message: Sendable, Equatable, Codable {
    /// Who speaks.
    public enum Role: String, Sendable, Codable, CaseIterable { case system, user, assistant, tool }

    public var role: Role
    public var content: String

    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }
}
