import ChoroySystem
import Testing

@Suite struct `SHA-256` {
    /// FIPS 180-4 examples (NIST, "Examples with intermediate values").
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `known digests`(_ text: String, _ digest: String) {
        #expect(SHA256.hex(text.utf8) == digest)
    }

    @Test func `pieces give the digest of the whole`() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var hash = SHA256()
        for piece in stride(from: 0, to: 1000, by: 37) {
            hash.update(bytes[piece..<min(1000, piece + 37)])
        }
        #expect(hash.finalize() == SHA256.hex(bytes))
    }
}
