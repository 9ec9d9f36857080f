/// SHA-256 of bytes that arrive in pieces.
///
/// Source: FIPS 180-4, sections 4.1.2, 5.3.3 and 6.2.
public struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
        0x5be0_cd19,
    ]
    private var pending: [UInt8] = []
    private var count: UInt64 = 0

    public init() {}

    /// The digest of `bytes` as 64 hexadecimal digits.
    public static func hex(_ bytes: some Collection<UInt8>) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    public mutating func update(_ bytes: some Collection<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ unsafe update(buffer: $0) }) == nil {
            let copy = Array(bytes)
            unsafe copy.withUnsafeBufferPointer { unsafe update(buffer: $0) }
        }
    }

    private mutating func update(buffer: UnsafeBufferPointer<UInt8>) {
        count &+= UInt64(buffer.count)
        var start = 0
        if !pending.isEmpty {
            start = min(64 - pending.count, buffer.count)
            unsafe pending.append(contentsOf: buffer[..<start])
            guard pending.count == 64 else { return }
            let block = pending
            unsafe block.withUnsafeBufferPointer { unsafe compress($0, at: 0) }
            pending.removeAll(keepingCapacity: true)
        }
        while buffer.count - start >= 64 {
            unsafe compress(buffer, at: start)
            start += 64
        }
        unsafe pending.append(contentsOf: buffer[start...])
    }

    /// The digest as 64 hexadecimal digits; the value is used up.
    public mutating func finalize() -> String {
        let bits = count &* 8
        var tail: [UInt8] = [0x80]
        let length = (pending.count + 1) % 64
        tail += [UInt8](repeating: 0, count: (length <= 56 ? 56 : 120) - length)
        for shift in stride(from: 56, through: 0, by: -8) {
            tail.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        update(tail)
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private mutating func compress(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
            for i in 0..<16 {
                let p = start + 4 * i
                unsafe w[i] =
                    UInt32(bytes[p]) << 24 | UInt32(bytes[p + 1]) << 16
                    | UInt32(bytes[p + 2]) << 8 | UInt32(bytes[p + 3])
            }
            for i in 16..<64 {
                let a = unsafe w[i - 15]
                let b = unsafe w[i - 2]
                let s0 = Self.rotate(a, 7) ^ Self.rotate(a, 18) ^ (a >> 3)
                let s1 = Self.rotate(b, 17) ^ Self.rotate(b, 19) ^ (b >> 10)
                unsafe w[i] = w[i - 16] &+ s0 &+ w[i - 7] &+ s1
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            unsafe Self.constants.withUnsafeBufferPointer { k in
                // Eight at a time, after which every word is where it was.
                for i in stride(from: 0, to: 64, by: 8) {
                    unsafe Self.round(a, b, c, &d, e, f, g, &h, k[i] &+ w[i])
                    unsafe Self.round(h, a, b, &c, d, e, f, &g, k[i + 1] &+ w[i + 1])
                    unsafe Self.round(g, h, a, &b, c, d, e, &f, k[i + 2] &+ w[i + 2])
                    unsafe Self.round(f, g, h, &a, b, c, d, &e, k[i + 3] &+ w[i + 3])
                    unsafe Self.round(e, f, g, &h, a, b, c, &d, k[i + 4] &+ w[i + 4])
                    unsafe Self.round(d, e, f, &g, h, a, b, &c, k[i + 5] &+ w[i + 5])
                    unsafe Self.round(c, d, e, &f, g, h, a, &b, k[i + 6] &+ w[i + 6])
                    unsafe Self.round(b, c, d, &e, f, g, h, &a, k[i + 7] &+ w[i + 7])
                }
            }
            state[0] &+= a
            state[1] &+= b
            state[2] &+= c
            state[3] &+= d
            state[4] &+= e
            state[5] &+= f
            state[6] &+= g
            state[7] &+= h
        }
    }

    /// A step of the loop of section 6.2.2, without the words changing places: `d` becomes the next e, `h` the next a.
    @inline(__always)
    private static func round(
        _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32,
        _ g: UInt32, _ h: inout UInt32, _ word: UInt32
    ) {
        let s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
        let t1 = h &+ s1 &+ (g ^ (e & (f ^ g))) &+ word
        let s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
        d &+= t1
        h = t1 &+ s0 &+ ((a & b) | (c & (a | b)))
    }

    @inline(__always)
    private static func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 {
        value &>> by | value &<< (32 &- by)
    }

    /// First 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = {
        var primes: [UInt64] = []
        var candidate: UInt64 = 2
        while primes.count < 64 {
            if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return primes.map { prime in
            // Largest r with r³ <= prime · 2⁹⁶, by bisection in 128 bits; r's low 32 bits.
            var low: UInt64 = 0
            var high: UInt64 = 8 << 32
            while high - low > 1 {
                let middle = (low + high) / 2
                let square = middle.multipliedFullWidth(by: middle)
                let low128 = UInt128(square.high) << 64 | UInt128(square.low)
                if low128 <= (UInt128(prime) << 96) / UInt128(middle) {
                    low = middle
                } else {
                    high = middle
                }
            }
            return UInt32(truncatingIfNeeded: low)
        }
    }()
}
