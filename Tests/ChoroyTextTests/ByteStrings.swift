import ChoroySystem

extension SeededRandom {
    /// Bytes of any kind, about a third of them ASCII.
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            let value = next()
            return value & 0x300 == 0 ? UInt8(value & 0x7F) : UInt8(value & 0xFF)
        }
    }
}

/// A text of some hundred words, the same for every test.
let smallText = """
    The little parrot sat on the fence and counted the boats: one, two, three, 12, 1234, 99999.
    "It's late," said the heron, "and we'll be cold. You've been here since 7:45; haven't you?"
    "I'd rather stay," the parrot said. "They're coming back, the boats, I'm sure of the boats!"
    Der Häher flog über die Brücke, während es regnete, und über die Brücke flog der Häher.
    小さなオウムが柵にとまって、舟を数えていた。舟を数えていた。👍🏽👍🏽
    """
