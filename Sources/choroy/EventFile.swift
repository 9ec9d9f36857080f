import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file of events as TensorBoard reads it: TFRecords of protocol buffers.
///
/// A failing disk ends it silently: it is a view of the run, not part of it.
final class EventFile {
    private let file: FileWriter
    private let now: () -> Double

    /// A new file in `directory`. TensorBoard forgets what earlier files say after `step`.
    init(
        in directory: String, after step: Int,
        now: @escaping () -> Double = { Double(Machine.unixTime()) }
    ) throws {
        try FilePath.createDirectory(directory)
        self.now = now
        // TensorBoard takes files in the order of their names.
        let name = "events.out.tfevents.\(Int(now())).\(step)-\(getpid()).choroy"
        file = try FileWriter(
            path: FilePath.join(directory, name), flags: O_WRONLY | O_CREAT | O_TRUNC)
        append(TensorBoardEvent(seconds: now(), step: 0, .version))
        append(TensorBoardEvent(seconds: now(), step: step + 1, .start))
    }

    func append(step: Int, _ scalars: [(tag: String, value: Double)]) {
        append(TensorBoardEvent(seconds: now(), step: step, .scalars(scalars)))
    }

    func append(step: Int, text: (tag: String, value: String)) {
        append(TensorBoardEvent(seconds: now(), step: step, .text(text.tag, text.value)))
    }

    private func append(_ event: TensorBoardEvent) {
        try? file.append(event.record)
        try? file.flush()
    }
}

/// One event: `tensorflow.Event` of tensorflow/core/util/event.proto, as far as a run needs it.
package struct TensorBoardEvent {
    package enum Content {
        /// What a file begins with.
        case version
        /// A session that begins at the event's step.
        case start
        case scalars([(tag: String, value: Double)])
        case text(String, String)
    }

    /// Since 1970.
    package var seconds: Double
    package var step: Int
    package var content: Content

    package init(seconds: Double, step: Int, _ content: Content) {
        self.seconds = seconds
        self.step = step
        self.content = content
    }

    /// The event as a TFRecord: length, its masked CRC, the message, its masked CRC.
    package var record: [UInt8] {
        let message = message.bytes
        let length = Self.littleEndian(UInt64(message.count))
        return length + Self.littleEndian(CRC32C.masked(length)) + message
            + Self.littleEndian(CRC32C.masked(message))
    }

    private var message: ProtocolBuffer {
        var event = ProtocolBuffer()
        event.append(1, double: seconds)
        if step != 0 { event.append(2, integer: UInt64(max(0, step))) }
        switch content {
        case .version: event.append(3, bytes: Array("brain.Event:2".utf8))
        case .start:
            var log = ProtocolBuffer()
            log.append(1, integer: 1)
            event.append(7, log)
        case .scalars(let scalars):
            var summary = ProtocolBuffer()
            for (tag, number) in scalars {
                var value = ProtocolBuffer()
                value.append(1, bytes: Array(tag.utf8))
                value.append(2, float: Float(number))
                summary.append(1, value)
            }
            event.append(5, summary)
        case .text(let tag, let text):
            var (plugin, metadata) = (ProtocolBuffer(), ProtocolBuffer())
            plugin.append(1, bytes: Array("text".utf8))
            metadata.append(1, plugin)
            var (dimension, shape, tensor) = (ProtocolBuffer(), ProtocolBuffer(), ProtocolBuffer())
            dimension.append(1, integer: 1)
            shape.append(2, dimension)
            // DT_STRING
            tensor.append(1, integer: 7)
            tensor.append(2, shape)
            tensor.append(8, bytes: Array(text.utf8))
            var (value, summary) = (ProtocolBuffer(), ProtocolBuffer())
            value.append(1, bytes: Array(tag.utf8))
            value.append(8, tensor)
            value.append(9, metadata)
            summary.append(1, value)
            event.append(5, summary)
        }
        return event
    }

    fileprivate static func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

/// The wire format of protocol buffers: fields by number, each with its kind.
private struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 128 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func append(_ field: UInt64, integer: UInt64) {
        append(varint: field << 3)
        append(varint: integer)
    }

    mutating func append(_ field: UInt64, double: Double) {
        append(varint: field << 3 | 1)
        bytes += TensorBoardEvent.littleEndian(double.bitPattern)
    }

    mutating func append(_ field: UInt64, bytes content: [UInt8]) {
        append(varint: field << 3 | 2)
        append(varint: UInt64(content.count))
        bytes += content
    }

    mutating func append(_ field: UInt64, _ message: ProtocolBuffer) {
        append(field, bytes: message.bytes)
    }

    mutating func append(_ field: UInt64, float: Float) {
        append(varint: field << 3 | 5)
        bytes += TensorBoardEvent.littleEndian(float.bitPattern)
    }
}

/// The checksum of TFRecords: CRC-32C (Castagnoli), rotated and shifted.
private enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in
            crc & 1 == 1 ? 0x82F6_3B78 ^ crc >> 1 : crc >> 1
        }
    }

    static func masked(_ bytes: [UInt8]) -> UInt32 {
        let crc = ~bytes.reduce(~0) { crc, byte in
            table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8
        }
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }
}
