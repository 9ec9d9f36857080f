import ChoroySystem

extension NGramFileContent {
    /// The n-grams of a model as `PackedLevels` reads them.
    ///
    /// - Parameter codebooks: what bytes stand for; nil for whole numbers.
    mutating func add(
        packed levels: FastLevels, codebooks: NGramCodebooks?, in workspace: Workspace
    ) {
        let order = levels.order
        add(.unigrams, 0, Self.unigrams(levels))
        for level in 1..<max(1, order) {
            let codes = codebooks?.tables[level - 1]
            let shape = NGramRecords.Shape(
                vocabularySize: levels.count(0), isHighest: level + 1 == order,
                isQuantized: codes != nil)
            unsafe add(
                .records, level,
                Self.records(
                    levels.rows[level], shape, codes?.logProbabilities, codes?.backoffs, workspace))
            if let codes {
                let values = codes.logProbabilities.values + codes.backoffs.values
                add(
                    .codes, level,
                    values.flatMap { value in
                        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
                    })
            }
            if level + 1 < order {
                let (words, samples) = unsafe Branches.make(
                    levels.rows[level], children: levels.count(level + 1), in: workspace)
                add(.branches, level, words)
                add(.samples, level, samples)
            }
        }
        // The quantized layout is for those who have no room to spare.
        for level in 0..<min(PackedLevels.indexedLevels, codebooks == nil ? order - 1 : 0) {
            let (_, slots) = unsafe NGramIndex.make(
                levels.rows[level], above: levels.rows[level + 1],
                threshold: PackedLevels.threshold, in: workspace)
            add(.index, level, slots)
        }
    }

    private static func unigrams(_ levels: FastLevels) -> LargeArray<UInt32> {
        let rows = unsafe levels.rows[0]
        let numbers = LargeArray<UInt32>(count: (rows.count + 1) * 3)
        for id in 0..<rows.count {
            unsafe numbers.pointer[id * 3] = rows.first[id]
            if rows.width == 4 {
                unsafe numbers.pointer[id * 3 + 1] = rows.second[id]
                unsafe numbers.pointer[id * 3 + 2] = UInt32(rows.firstChild(id))
            }
        }
        if rows.width == 4 {
            unsafe numbers.pointer[rows.count * 3 + 2] = UInt32(rows.firstChild(rows.count))
        }
        return numbers
    }

    private static func records(
        _ rows: NGramRows, _ shape: NGramRecords.Shape, _ logProbabilities: Codebook?,
        _ backoffs: Codebook?, _ workspace: Workspace
    ) -> LargeArray<UInt8> {
        let bytes = LargeArray<UInt8>(count: shape.byteCount(rows.count), in: workspace)
        // Parts of whole words of 64 records end at whole bytes, so threads share none.
        LevelParts.run(rows.count, in: workspace) { part in
            for index in part {
                var place = index * shape.record
                func put(_ value: UInt32, _ bits: Int) {
                    let target = unsafe UnsafeMutableRawPointer(bytes.pointer + place >> 3)
                    var left = UInt64(value) << UInt64(place & 7)
                    var byte = 0
                    while left != 0 {
                        let old = unsafe target.load(fromByteOffset: byte, as: UInt8.self)
                        unsafe target.storeBytes(
                            of: old | UInt8(truncatingIfNeeded: left), toByteOffset: byte,
                            as: UInt8.self)
                        left >>= 8
                        byte += 1
                    }
                    place += bits
                }
                put(rows.token(index), shape.token)
                let first = rows.first[index]
                put(
                    logProbabilities.map { UInt32($0.code(Float(bitPattern: first))) } ?? first,
                    shape.logProbability)
                if shape.backoff == 0 { continue }
                let second = rows.second[index]
                put(
                    backoffs.map { UInt32($0.code(Float(bitPattern: second))) } ?? second,
                    shape.backoff)
            }
        }
        return bytes
    }
}
