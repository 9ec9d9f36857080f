import ChoroySystem

/// The records of one order in `PackedLevels`: fields of bits, one after the other.
@safe struct NGramRecords: @unchecked Sendable, BitwiseCopyable {
    let shape: Shape
    let pointer: UnsafePointer<UInt8>
    /// 256 values for the logarithms of probabilities, 256 for those of back-off weights; nil when records hold
    /// the numbers themselves.
    let codes: UnsafePointer<Float>?

    /// How many bits each field takes.
    struct Shape: BitwiseCopyable {
        let token: Int
        let logProbability: Int
        let backoff: Int

        init(vocabularySize: Int, isHighest: Bool, isQuantized: Bool) {
            token = max(1, Int.bitWidth - (vocabularySize - 1).leadingZeroBitCount)
            logProbability = isQuantized ? 8 : 32
            backoff = isHighest ? 0 : logProbability
        }

        var record: Int { token + logProbability + backoff }

        /// Bytes of a section of `count` records: a field is read as 8 bytes.
        func byteCount(_ count: Int) -> Int { (count * record + 7) / 8 + 8 }
    }

    init(_ header: NGramFileHeader, _ level: Int, _ file: MappedFile, path: String) throws {
        let shape = Shape(
            vocabularySize: header.counts[0], isHighest: level + 1 == header.counts.count,
            isQuantized: header.layout == .quantized)
        self.shape = shape
        let section = try header.section(
            .records, level, atLeast: shape.byteCount(header.counts[level]), path: path)
        unsafe pointer = file.pointer(at: section.offset, count: section.size)
            .assumingMemoryBound(to: UInt8.self)
        if header.layout == .quantized {
            let section = try header.section(.codes, level, atLeast: 512 * 4, path: path)
            unsafe codes = file.pointer(at: section.offset, count: section.size)
                .assumingMemoryBound(to: Float.self)
        } else {
            unsafe codes = nil
        }
    }

    @inline(__always) private func field(_ place: Int, _ bits: Int) -> UInt32 {
        let word = unsafe UnsafeRawPointer(pointer + place >> 3).loadUnaligned(as: UInt64.self)
        return UInt32(
            truncatingIfNeeded: UInt64(littleEndian: word) >> UInt64(place & 7)
                & (1 << UInt64(bits) - 1))
    }

    @inline(__always) func token(_ index: Int) -> UInt32 {
        field(index * shape.record, shape.token)
    }

    @inline(__always) func logProbability(_ index: Int) -> Float {
        let value = field(index * shape.record + shape.token, shape.logProbability)
        if let codes = unsafe codes { return unsafe codes[Int(value & 255)] }
        return Float(bitPattern: value)
    }

    @inline(__always) func backoff(_ index: Int) -> Float {
        let place = index * shape.record + shape.token + shape.logProbability
        let value = field(place, shape.backoff)
        if let codes = unsafe codes { return unsafe codes[256 + Int(value & 255)] }
        return Float(bitPattern: value)
    }
}
