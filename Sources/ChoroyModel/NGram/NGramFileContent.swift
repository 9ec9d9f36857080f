import ChoroySystem

/// The sections of an n-gram file on their way into it.
struct NGramFileContent {
    private(set) var parts: [Part] = []

    /// Bytes of one section; memory that is there already is not copied.
    @safe struct Part: @unchecked Sendable {
        let kind: NGramFileHeader.Section.Kind
        let level: Int
        private let bytes: UnsafeRawBufferPointer
        private let owner: AnyObject
        private let workspace: Workspace

        init(
            _ kind: NGramFileHeader.Section.Kind, _ level: Int, _ bytes: UnsafeRawBufferPointer,
            owner: AnyObject, _ workspace: Workspace
        ) {
            self.workspace = workspace
            self.kind = kind
            self.level = level
            unsafe self.bytes = bytes
            self.owner = owner
        }

        var size: Int { unsafe bytes.count }

        var hash: UInt64 {
            var hash = XXHash64()
            unsafe forEachPiece { unsafe hash.update($0) }
            return hash.value
        }

        func write(to file: FileWriter, advance: (Int) -> Void) throws {
            unsafe try forEachPiece {
                unsafe try file.append(raw: $0)
                advance($0.count)
            }
        }

        private func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
            for start in unsafe stride(from: 0, to: bytes.count, by: 1 << 22) {
                let end = unsafe min(bytes.count, start + 1 << 22)
                unsafe try body(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                workspace.relieve()
            }
        }
    }

    mutating func add<Value: BitwiseCopyable>(
        _ kind: NGramFileHeader.Section.Kind, _ level: Int, _ array: LargeArray<Value>,
        count: Int? = nil
    ) {
        let size = (count ?? array.count) * MemoryLayout<Value>.stride
        unsafe parts.append(
            Part(
                kind, level, UnsafeRawBufferPointer(start: array.pointer, count: size),
                owner: array, array.workspace))
    }

    mutating func add(_ kind: NGramFileHeader.Section.Kind, _ level: Int, _ bytes: [UInt8]) {
        let copy = LargeArray<UInt8>(count: bytes.count)
        for (place, byte) in bytes.enumerated() { unsafe copy.pointer[place] = byte }
        add(kind, level, copy)
    }

    /// The rows and tables of a model as they lie in memory.
    mutating func add(_ levels: FastLevels, _ memory: NGramMemory) {
        for level in 0..<levels.order {
            let rows = unsafe levels.rows[level]
            let numbers = rows.width == 4 ? (rows.count + 1) * 4 : rows.count * 2
            unsafe parts.append(
                Part(
                    .rows, level,
                    UnsafeRawBufferPointer(start: rows.pointer, count: numbers * 4),
                    owner: memory, memory.workspace))
        }
        for level in 0..<levels.order - 1 { unsafe add(levels.indexes[level], level, memory) }
    }

    mutating func add(_ index: NGramIndex, _ level: Int, _ memory: NGramMemory) {
        unsafe parts.append(
            Part(
                .index, level,
                UnsafeRawBufferPointer(start: index.slots, count: index.size * 8),
                owner: memory, memory.workspace))
    }

    /// What the header says of the sections; the hashes are computed by all threads.
    func sections() -> [NGramFileHeader.Section] {
        let hashes = LargeArray<UInt64>(count: parts.count)
        ThreadPool.shared.run(parts.count) { part in unsafe hashes.pointer[part] = parts[part].hash
        }
        return parts.enumerated().map { index, part in
            NGramFileHeader.Section(
                kind: part.kind, level: part.level, size: part.size,
                hash: unsafe hashes.pointer[index])
        }
    }
}

extension FastLevels {
    /// The levels in a mapped file.
    static func make(_ header: NGramFileHeader, _ file: MappedFile, path: String) throws -> (
        FastLevels, NGramMemory
    ) {
        let counts = header.counts
        var rows: [NGramRows] = []
        for level in counts.indices {
            let isHighest = level + 1 == counts.count
            let size = isHighest ? counts[level] * 8 : (counts[level] + 1) * 16
            let section = try header.section(.rows, level, atLeast: size, path: path)
            let pointer = unsafe file.pointer(at: section.offset, count: section.size)
            unsafe rows.append(
                NGramRows(
                    pointer: UnsafeMutablePointer(
                        mutating: pointer.assumingMemoryBound(to: UInt32.self)),
                    count: counts[level], width: isHighest ? 2 : 4))
        }
        let indexes = try (0..<counts.count - 1).map { level in
            try NGramIndex(header, level, file, path: path)
        }
        return make(rows, indexes, owners: [file])
    }
}

extension NGramIndex {
    /// The table for the children of a level in a mapped file.
    init(_ header: NGramFileHeader, _ level: Int, _ file: MappedFile, path: String) throws {
        let section = try header.section(.index, level, atLeast: 8, path: path)
        let pointer = unsafe file.pointer(at: section.offset, count: section.size)
        unsafe self.init(
            slots: pointer.assumingMemoryBound(to: UInt64.self), size: section.size / 8)
    }
}
