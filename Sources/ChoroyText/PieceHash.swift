/// A hash of short byte strings: 16 bytes a multiplication, keyed.
///
/// The key differs in every process, so a file cannot be made to collide. Results never depend on
/// it: tables built with it are only asked, never listed.
struct PieceHash: Sendable {
    private let key0 = UInt64.random(in: .min ... .max) | 1
    private let key1 = UInt64.random(in: .min ... .max) | 1

    @inline(__always)
    func callAsFunction(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let raw = unsafe UnsafeRawPointer(bytes)
        var state = key1
        var a: UInt64
        var b: UInt64 = 0
        if count > 16 {
            var done = 0
            while count - done > 16 {
                let first = unsafe raw.loadUnaligned(fromByteOffset: done, as: UInt64.self)
                let second = unsafe raw.loadUnaligned(fromByteOffset: done + 8, as: UInt64.self)
                state = Self.fold(first ^ key0, second ^ state)
                done += 16
            }
            a = unsafe raw.loadUnaligned(fromByteOffset: count - 16, as: UInt64.self)
            b = unsafe raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        } else if count >= 8 {
            a = unsafe raw.loadUnaligned(as: UInt64.self)
            b = unsafe raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        } else if count >= 4 {
            a = UInt64(unsafe raw.loadUnaligned(as: UInt32.self))
            b = UInt64(unsafe raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
        } else if count > 0 {
            a =
                unsafe UInt64(bytes[0]) << 16 | UInt64(bytes[count / 2]) << 8
                | UInt64(bytes[count - 1])
        } else {
            a = 0
        }
        return Self.fold(key0 ^ UInt64(truncatingIfNeeded: count), Self.fold(a ^ key0, b ^ state))
    }

    /// A hash of a pair of ids.
    @inline(__always)
    func callAsFunction(pair: UInt64) -> UInt64 { Self.fold(pair ^ key1, key0) }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
