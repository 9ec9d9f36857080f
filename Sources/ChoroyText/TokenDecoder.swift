import ChoroySystem
import Synchronization

/// Token ids back to bytes, many at a time.
@safe final class TokenDecoder: Sendable {
    private let tokens: TokenTable
    private let tables = Mutex<Tables?>(nil)
    /// Fewer ids than this are not worth making the tables.
    private static let many = 1 << 12

    /// One entry more than there are tokens: the last, of no bytes, stands in for ids that are none.
    private struct Tables {
        /// Up to 15 bytes of a token and, in the last place, their number, so that one look is enough; `isLong` there for
        /// a longer token.
        var bytes: [SIMD16<UInt8>]
        var lengths: [Int32]

        static let isLong = UInt8.max

        init(_ tokens: TokenTable) {
            bytes = .init(repeating: .zero, count: tokens.count + 1)
            lengths = .init(repeating: 0, count: tokens.count + 1)
            for id in 0..<tokens.count {
                let token = tokens.bytes(of: id)
                lengths[id] = Int32(truncatingIfNeeded: token.count)
                guard token.count <= 15 else {
                    bytes[id][15] = Self.isLong
                    continue
                }
                for (place, byte) in token.enumerated() { bytes[id][place] = byte }
                bytes[id][15] = UInt8(token.count)
            }
        }
    }

    init(_ tokens: TokenTable) { self.tokens = tokens }

    /// The bytes of all `ids`, one after another; nothing for one that is not here.
    func bytes(of ids: UnsafeBufferPointer<TokenID>) -> [UInt8] {
        let none = TokenID(tokens.count)
        // Negative when one of them is below 0 or above the last.
        var signs: TokenID = 0
        for index in 0..<ids.count { unsafe signs |= ids[index] | (none &- 1 &- ids[index]) }
        guard signs < 0 else { return unsafe bytes(ofKnown: ids) }
        let known = unsafe ids.map { $0 >= 0 && $0 < none ? $0 : none }
        return unsafe known.withUnsafeBufferPointer { unsafe bytes(ofKnown: $0) }
    }

    func bytes(of ids: [TokenID]) -> [UInt8] {
        unsafe ids.withUnsafeBufferPointer { unsafe bytes(of: $0) }
    }

    private func bytes(ofKnown ids: UnsafeBufferPointer<TokenID>) -> [UInt8] {
        guard ids.count >= Self.many else {
            return unsafe ids.flatMap { $0 < tokens.count ? tokens.bytes(of: Int($0)) : [] }
        }
        let tables = tables.withLock { tables in
            let made = tables ?? Tables(tokens)
            tables = made
            return made
        }
        var size = 0
        unsafe tables.lengths.withUnsafeBufferPointer { lengths in
            for index in 0..<ids.count { unsafe size &+= Int(lengths[Int(ids[index])]) }
        }
        return unsafe tables.bytes.withUnsafeBytes { entries in
            guard let entries = entries.baseAddress else { return [] }
            // An entry is copied as a whole, so a little is written behind the last.
            return unsafe [UInt8](unsafeUninitializedCapacity: size + 16) { memory, filled in
                guard var place = UnsafeMutableRawPointer(memory.baseAddress) else { return }
                unsafe LargePages.prefer(UnsafeMutableRawBufferPointer(memory))
                for index in 0..<ids.count {
                    let entry = unsafe entries + 16 &* Int(ids[index])
                    let length = unsafe entry.load(fromByteOffset: 15, as: UInt8.self)
                    if length == Tables.isLong {
                        let token = unsafe tokens.bytes(of: Int(ids[index]))
                        unsafe UnsafeMutableRawBufferPointer(start: place, count: token.count)
                            .copyBytes(from: token)
                        unsafe place += token.count
                    } else {
                        let bytes = unsafe entry.load(as: SIMD16<UInt8>.self)
                        unsafe place.storeBytes(of: bytes, as: SIMD16<UInt8>.self)
                        unsafe place += Int(length)
                    }
                }
                filled = size
            }
        }
    }
}
