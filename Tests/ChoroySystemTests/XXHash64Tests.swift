import ChoroySystem
import TestSupport
import Testing

@Suite struct `xxHash of 64 bits` {
    /// Made with python-xxhash 4.1.0, `xxh64_hexdigest`.
    private static let golden: [(count: Int, hash: String)] = [
        (0, "ef46db3751d8e999"), (1, "1f25c8d0bc1f4bb6"), (3, "31d2363f52e564c9"),
        (4, "9bb64b7d66ee9fda"), (7, "9a7b149959ce60d8"), (8, "dab99d95c6f90092"),
        (11, "7a52cc9457cf1a1f"), (31, "a2aa5f33cc4a6119"), (32, "23c3c17ef790fd97"),
        (33, "50a7cfc7ba588784"), (63, "5e3e54b431c7493c"), (64, "0eb64b3ef6eeb01f"),
        (100, "a61f8d4c170fe531"), (300, "240004dbee0ba6dc"),
    ]

    @Test(arguments: golden)
    func `is that of the reference, in one piece and in many`(count: Int, hash: String) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
        for size in [1, 5, 31, 32, 33, 1000] {
            var state = XXHash64()
            for start in stride(from: 0, to: count, by: size) {
                state.update(Array(bytes[start..<min(count, start + size)]))
            }
            #expect(state.hex == hash)
        }
    }

    @Test func `of a file is that of its bytes`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "file")
            for count in [0, 1, 1 << 18, 600_001] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try AtomicFile.write(bytes, to: path)
                var state = XXHash64()
                state.update(bytes)
                let (hash, size) = try XXHash64.hex(ofFile: path)
                #expect(hash == state.hex && size == count)
            }
        }
    }
}
