import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The bytes of every id, and the id of given bytes.
struct TokenTable: Sendable {
    /// The bytes of all tokens, one after another.
    private var bytes: [UInt8] = []
    /// Where token i begins in `bytes`; one more than there are ids.
    private var offsets: [Int] = [0]
    /// Open addressing: upper half of the hash, then id + 1; 0 is free.
    private var slots = [UInt64](repeating: 0, count: 64)
    private var listed = 0
    private static let high: UInt64 = 0xFFFF_FFFF_0000_0000
    private let hash = PieceHash()

    var count: Int { offsets.count - 1 }

    func length(of id: Int) -> Int { offsets[id + 1] - offsets[id] }

    func bytes(of id: Int) -> ArraySlice<UInt8> { bytes[offsets[id]..<offsets[id + 1]] }

    /// Makes room for so many tokens; `listed` when they will be listed too.
    mutating func reserve(_ tokens: Int, bytes count: Int, listed isListed: Bool = false) {
        offsets.reserveCapacity(tokens + 1)
        bytes.reserveCapacity(count)
        while isListed, slots.count < 2 * tokens { grow() }
    }

    /// Gives the next id to `token` without listing it for look-up.
    mutating func append(_ token: some Collection<UInt8>) {
        bytes.append(contentsOf: token)
        offsets.append(bytes.count)
    }

    /// The same tokens with none listed.
    func unlisted() -> TokenTable {
        var copy = self
        copy.slots = [UInt64](repeating: 0, count: 64)
        copy.listed = 0
        return copy
    }

    /// Lists an id, so that its bytes find it; false when these bytes are listed already.
    @discardableResult
    mutating func list(_ id: Int) -> Bool {
        if 2 * (listed + 1) > slots.count { grow() }
        guard insert(id) else { return false }
        listed += 1
        return true
    }

    private mutating func insert(_ id: Int) -> Bool {
        let code = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe buffer.baseAddress.map {
                unsafe hash($0 + offsets[id], length(of: id))
            } ?? 0
        }
        var slot = Int(truncatingIfNeeded: code) & (slots.count - 1)
        let tag = code & Self.high
        while slots[slot] != 0 {
            if slots[slot] & Self.high == tag,
                bytes(of: Int(slots[slot] & 0xFFFF_FFFF) - 1).elementsEqual(bytes(of: id))
            {
                return false
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = tag | UInt64(id + 1)
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        for entry in old where entry != 0 { _ = insert(Int(entry & 0xFFFF_FFFF) - 1) }
    }

    /// The listed id with exactly these bytes.
    @inline(__always)
    func id(of piece: UnsafePointer<UInt8>, _ count: Int) -> TokenID? {
        let code = unsafe hash(piece, count)
        var slot = Int(truncatingIfNeeded: code) & (slots.count - 1)
        let tag = code & Self.high
        while true {
            let entry = slots[slot]
            if entry == 0 { return nil }
            if entry & Self.high == tag {
                let id = Int(entry & 0xFFFF_FFFF) - 1
                let start = offsets[id]
                if offsets[id + 1] - start == count,
                    unsafe bytes.withUnsafeBufferPointer({ buffer in
                        guard let base = buffer.baseAddress else { return count == 0 }
                        return unsafe memcmp(base + start, piece, count) == 0
                    })
                {
                    return TokenID(id)
                }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    func id(of piece: some Collection<UInt8>) -> TokenID? {
        let found = piece.withContiguousStorageIfAvailable { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe id(of: $0, buffer.count) }
        }
        return found ?? id(of: ContiguousArray(piece))
    }
}
