import ChoroySystem
import HeapModule

/// Pieces and their counts on disk, where memory does not hold them: files without a name, each sorted by the
/// bytes of its pieces.
struct PieceRuns {
    private var files: [RandomAccessFile] = []
    /// Runs that are read at the same time.
    private static let most = 32

    var isEmpty: Bool { files.isEmpty }

    /// - Throws: `FileError` when there is no room.
    mutating func add(_ pieces: PieceCounter) throws {
        if files.count == Self.most {
            let all = self
            files = [try Self.file { write in try all.forEach { try write($0, $1) } }]
        }
        files.append(
            try Self.file { write in
                for index in pieces.ascending() { try write(pieces[index], pieces.counts[index]) }
            })
    }

    private static func file(
        _ body: ((ArraySlice<UInt8>, Int) throws -> Void) throws -> Void
    ) throws -> RandomAccessFile {
        try RandomAccessFile(temporary: "counts of pieces") { writer in
            try body { piece, count in
                try writer.append(values: [UInt64(piece.count), UInt64(count)])
                try writer.append(piece)
            }
        }
    }

    /// Calls `body` with each piece and its count in all runs, in the order of their bytes.
    func forEach(_ body: (ArraySlice<UInt8>, Int) throws -> Void) throws {
        var heap = Heap<Entry>()
        var readers = files.map { Reader($0) }
        for index in readers.indices {
            if let (piece, count) = try readers[index].next() {
                heap.insert(Entry(piece: piece, count: count, reader: index))
            }
        }
        while let first = heap.popMin() {
            var count = first.count
            try advance(first.reader, &readers, &heap)
            while let other = heap.min, other.piece == first.piece {
                count += other.count
                heap.removeMin()
                try advance(other.reader, &readers, &heap)
            }
            try body(first.piece[...], count)
        }
    }

    private func advance(
        _ reader: Int, _ readers: inout [Reader], _ heap: inout Heap<Entry>
    ) throws {
        if let (piece, count) = try readers[reader].next() {
            heap.insert(Entry(piece: piece, count: count, reader: reader))
        }
    }

    private struct Entry: Comparable {
        var piece: [UInt8]
        var count: Int
        var reader: Int

        static func < (a: Entry, b: Entry) -> Bool { a.piece.lexicographicallyPrecedes(b.piece) }
        static func == (a: Entry, b: Entry) -> Bool { a.piece == b.piece }
    }

    /// Reads one run from its beginning; `FileCursor`, which checks and names every value, takes twice as long here.
    private struct Reader {
        private let file: RandomAccessFile
        private var buffer: [UInt8] = []
        private var place = 0
        /// Where the bytes behind the buffer stand.
        private var offset = 0
        private static let size = 1 << 17

        init(_ file: RandomAccessFile) { self.file = file }

        mutating func next() throws -> (piece: [UInt8], count: Int)? {
            guard try fill(16) else { return nil }
            let length = integer(at: place)
            let count = integer(at: place + 8)
            guard try fill(16 + length) else { return nil }
            defer { place += 16 + length }
            return (Array(buffer[place + 16..<place + 16 + length]), count)
        }

        /// Makes so many bytes stand in the buffer; false at the end.
        private mutating func fill(_ count: Int) throws -> Bool {
            if buffer.count - place >= count { return true }
            buffer.removeFirst(place)
            place = 0
            let wanted = min(max(Self.size, count - buffer.count), file.size - offset)
            buffer += try file.read(wanted, at: offset)
            offset += wanted
            return buffer.count >= count
        }

        private func integer(at place: Int) -> Int {
            Int((0..<8).reduce(UInt64(0)) { $0 | UInt64(buffer[place + $1]) << (8 * UInt64($1)) })
        }
    }
}
