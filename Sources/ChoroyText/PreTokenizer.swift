internal import CChoroyKernels

/// Cuts text into pieces that merges never cross: words, numbers, punctuation, white space.
///
/// Each pattern is a published regular expression, here a scanner that reads every byte a bounded
/// number of times, whatever the text. Letters, numbers and white space are Unicode 15.0's. A byte
/// that is no part of valid UTF-8 counts as punctuation, so pieces always join to the exact input.
public struct PreTokenizer: Sendable, Equatable {
    /// The patterns by the names llama.cpp gives them.
    public enum Pattern: String, Sendable, CaseIterable {
        /// GPT-2: case-sensitive contractions, a leading space, numbers of any length.
        case gpt2 = "gpt-2"
        /// Llama 3: any leading mark before letters, numbers in threes, line ends kept together.
        case llamaBPE = "llama-bpe"
        /// Qwen 2: as Llama 3 with single digits.
        case qwen2
        /// SmolLM: every digit alone, the rest as GPT-2.
        case smollm
        /// GPT-4: as Llama 3, but white space at the end of a text is one piece.
        case cl100k
        /// GPT-4o: words end before a capital, and take contractions with them.
        case o200k
    }

    public let pattern: Pattern

    public init(_ pattern: Pattern) { self.pattern = pattern }

    /// The pieces of `bytes`, in order and without gaps.
    public func pieces(of bytes: [UInt8]) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe scan(buffer) { start, end in pieces.append(start..<end) }
        }
        return pieces
    }

    /// Calls `body` with the start and the end of each piece.
    @inline(__always)
    func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Void) {
        unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.batch) { ends in
            var start = 0
            while start < bytes.count {
                for index in 0..<(unsafe self.ends(of: bytes, from: start, into: ends)) {
                    let end = unsafe ends[index]
                    body(start, end)
                    start = end
                }
            }
        }
    }

    /// Room for the ends of so many pieces that a call is worth its while.
    static let batch = 192

    /// Writes where the pieces from `start` on end, as many as surely fit; gives their number, which is 0 only
    /// at the end of the text.
    ///
    /// - Precondition: a piece begins at `start`; `ends` has room for `batch`.
    func ends(
        of bytes: UnsafeBufferPointer<UInt8>, from start: Int,
        into ends: UnsafeMutableBufferPointer<Int>
    ) -> Int {
        switch pattern {
        case .gpt2:
            unsafe fill(ends, bytes, start, CHOROY_GPT2) {
                $0.endGPT2(from: $1, splitsDigits: false)
            }
        case .smollm:
            unsafe fill(ends, bytes, start, CHOROY_SMOLLM) {
                $0.endGPT2(from: $1, splitsDigits: true)
            }
        case .llamaBPE:
            unsafe fill(ends, bytes, start, CHOROY_LLAMA) {
                $0.endLlama(from: $1, longestNumber: 3)
            }
        case .qwen2:
            unsafe fill(ends, bytes, start, CHOROY_QWEN2) {
                $0.endLlama(from: $1, longestNumber: 1)
            }
        case .cl100k:
            unsafe fill(ends, bytes, start, CHOROY_LLAMA) {
                $0.endLlama(from: $1, longestNumber: 3, endsWhole: true)
            }
        case .o200k: unsafe fill(ends, bytes, start, CHOROY_O200K) { $0.endO200K(from: $1) }
        }
    }

    /// The same for one pattern: the kernel's for blocks of ASCII, `end` piece by piece elsewhere.
    @inline(__always)
    private func fill(
        _ ends: UnsafeMutableBufferPointer<Int>, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int,
        _ kernelPattern: ChoroyPattern, _ end: (PieceScanner, Int) -> Int
    ) -> Int {
        guard let base = bytes.baseAddress, let ends = ends.baseAddress else { return 0 }
        let kernel = unsafe TextKernels.table.piece_ends
        let room = Self.batch - 8
        var count = 0
        unsafe PieceScanner.withTables(bytes) { scanner in
            var start = start
            while start < bytes.count, count <= room - 64 {
                if start + 64 <= bytes.count, unsafe base[start + 1] < 0x80 {
                    unsafe count += kernel(
                        kernelPattern, base, bytes.count, &start, ends + count, room - count)
                    guard count <= room - 64 else { break }
                }
                start = end(scanner, start)
                unsafe ends[count] = start
                count += 1
            }
        }
        return count
    }

    /// Cuts text at places where every pattern ends a piece, into parts of about `size` bytes, so
    /// that parts can be scanned apart: after a letter or number that white space follows.
    static func parts(of bytes: UnsafeBufferPointer<UInt8>, size: Int) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = 0
        while bytes.count - start > size + size / 2 {
            var cut = start + size
            while cut < bytes.count, unsafe !isCut(bytes, at: cut) { cut += 1 }
            parts.append(start..<cut)
            start = cut
        }
        if start < bytes.count { parts.append(start..<bytes.count) }
        return parts
    }

    /// Cuts text into parts of about 256 KB that a tokenizer can encode apart; a text without a place
    /// to cut is one part.
    package static func parts(of bytes: [UInt8]) -> [Range<Int>] {
        unsafe bytes.withUnsafeBufferPointer { unsafe parts(of: $0, size: 1 << 18) }
    }

    /// Whether every pattern ends a piece at `cut`, whatever comes before and behind: after a letter or
    /// number that white space follows.
    static func isCut(_ bytes: UnsafeBufferPointer<UInt8>, at cut: Int) -> Bool {
        guard unsafe bytes[cut] == 0x20 || bytes[cut] == 0x0A else { return false }
        switch unsafe bytes[cut - 1] {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return true
        case 0x80...: break
        default: return false
        }
        for length in 2...4 where length <= cut {
            let text = unsafe UnsafeBufferPointer(rebasing: bytes[cut - length..<cut])
            guard unsafe text[0] & 0xC0 != 0x80 else { continue }
            guard let string = unsafe String(validating: text, as: UTF8.self),
                let scalar = string.unicodeScalars.first, string.utf8.count == length
            else { return false }
            return PieceScanner.isLetterOrNumber(scalar)
        }
        return false
    }
}
