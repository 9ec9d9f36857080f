/// Byte strings in hardly more memory than their bytes.
package struct ByteStrings: Sendable, Equatable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    package init() {}

    package var count: Int { ends.count }

    package subscript(index: Int) -> ArraySlice<UInt8> {
        bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
    }

    package mutating func reserve(_ count: Int) { ends.reserveCapacity(count) }

    package mutating func append(_ string: some Collection<UInt8>) {
        bytes += string
        ends.append(bytes.count)
    }

    /// Appends a string that `body` appends to the bytes of those before it.
    mutating func append(_ body: (inout [UInt8]) throws -> Void) rethrows {
        try body(&bytes)
        ends.append(bytes.count)
    }
}
