import ChoroyModel
import ChoroySystem
import ChoroyTensor
import TestSupport
import Testing

@Suite struct `Safetensors files` {
    @Test func `what is written is read, bit for bit, and the bytes are those of the format`()
        throws
    {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "model.safetensors")
            let values: [Float] = [1, -0.0, .infinity, .leastNonzeroMagnitude, .nan, 0.1]
            let tensors = unsafe [
                Safetensors.Entry("b", shape: [2, 3], values: values),
                Safetensors.Entry("a", Tensor([7], shape: [])),
                Safetensors.Entry("empty", shape: [0, 4], values: []),
                Safetensors.Entry(
                    "c", shape: [2],
                    values: { use in
                        try unsafe ([Float](arrayLiteral: 8, 9)).withUnsafeBufferPointer {
                            try unsafe use($0)
                        }
                    }),
            ]
            try Safetensors.write(to: path, tensors: tensors)
            let bytes = try FileBytes.read(path)
            let header =
                #"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
                + #""a":{"dtype":"F32","shape":[],"data_offsets":[24,28]},"#
                + #""empty":{"dtype":"F32","shape":[0,4],"data_offsets":[28,28]},"#
                + #""c":{"dtype":"F32","shape":[2],"data_offsets":[28,36]}}"#
            #expect(bytes[0] == UInt8((header.utf8.count + 7) / 8 * 8 % 256))
            #expect(bytes[8...].starts(with: header.utf8))
            #expect((bytes.count - 36) % 8 == 0)

            let file = try SafetensorsFile(path: path)
            #expect(file.names == ["b", "a", "empty", "c"])
            #expect(file.metadata.map(\.value) == ["pt"])
            #expect(file.info("b")?.shape == [2, 3])
            #expect(try file.floats("b").map(\.bitPattern) == values.map(\.bitPattern))
            #expect(try file.tensor("a").values == [7])
            #expect(try file.floats("empty") == [])
            #expect(try file.floats("c") == [8, 9])
            #expect(throws: FileError(path, at: "tensor d", expected: "a tensor", found: "none")) {
                try file.floats("d")
            }
        }
    }

    @Test func `halves are widened exactly`() throws {
        // Every binary16 and every bfloat16 pattern; the oracle is the other direction's arithmetic.
        let patterns = (0...UInt16.max).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let info = #""shape":[65536],"data_offsets":"#
        let header =
            #"{"h":{"dtype":"F16",\#(info)[0,131072]},"b":{"dtype":"BF16",\#(info)[131072,262144]}}"#
        try withFile(header, data: patterns + patterns) { path in
            let file = try SafetensorsFile(path: path)
            let (half, brain) = (try file.floats("h"), try file.floats("b"))
            for pattern in 0...65535 {
                let exponent = pattern >> 10 & 31
                let fraction = Float(pattern & 1023)
                let sign: Float = pattern >= 32768 ? -1 : 1
                if exponent == 31 {
                    #expect(fraction == 0 ? half[pattern] == sign * .infinity : half[pattern].isNaN)
                } else {
                    let scale = Float(sign: .plus, exponent: max(exponent, 1) - 25, significand: 1)
                    let value = sign * ((exponent == 0 ? 0 : 1024) + fraction) * scale
                    #expect(half[pattern].bitPattern == value.bitPattern)
                }
                #expect(brain[pattern].bitPattern == UInt32(pattern) << 16)
            }
        }
    }

    @Test func `a dtype that holds no floats is listed, and named when it is read`() throws {
        try withFile(#"{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, data: zeros(8)) {
            path in
            let file = try SafetensorsFile(path: path)
            #expect(file.info("ids")?.dtype == "I64")
            let error = FileError(
                path, at: "tensor ids", expected: "F32, F16 or BF16", found: "I64")
            #expect(throws: error) { try file.floats("ids") }
        }
    }

    @Test(arguments: Malformed.accepted)
    func `odd but legal files open`(_ example: Malformed) throws {
        try withBytes(example.bytes) { path in _ = try SafetensorsFile(path: path) }
    }

    @Test(arguments: Malformed.refused)
    func `a broken file is an error of one line that names the file`(_ example: Malformed) throws {
        try withBytes(example.bytes) { path in
            let error = #expect(throws: FileError.self) { try SafetensorsFile(path: path) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix(path) && !text.contains("\n") && text.utf8.count < 2000)
            #expect(text.contains(example.mention), "\(text)")
        }
    }

    @Test func `a file cut anywhere is an error`() throws {
        let bytes = Malformed.file(
            #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: zeros(8))
        for count in 0..<bytes.count {
            try withBytes(Array(bytes[..<count])) { path in
                #expect(throws: FileError.self) { try SafetensorsFile(path: path) }
            }
        }
    }

    @Test func `directories, devices and missing files are named`() {
        for path in ["/tmp", "/dev/null", "/nowhere.safetensors"] {
            #expect(throws: FileError.self) { try SafetensorsFile(path: path) }
        }
    }

    @Test(.enabled(if: Fixtures.shared("malformed/EXPECTED.tsv") != nil, sharedDataIsAbsent))
    func `the shared malformed files come out as expected`() throws {
        let root = try #require(Fixtures.shared("malformed"))
        let table = try FileBytes.read(FilePath.join(root, "EXPECTED.tsv"))
        var seen = 0
        for line in String(decoding: table, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: "\t").map(String.init)
            guard fields[0].hasPrefix("safetensors/") else { continue }
            seen += 1
            let path = FilePath.join(root, fields[0])
            if fields[1] == "ok" {
                let file = try SafetensorsFile(path: path)
                for name in file.names { _ = try file.floats(name) }
            } else {
                #expect(throws: FileError.self, "\(line)") { try SafetensorsFile(path: path) }
            }
        }
        #expect(seen == 6)
    }

    @Test(
        .enabled(if: Fixtures.shared("models") != nil, sharedDataIsAbsent),
        arguments: ["tiny-llama", "stories260K/hf", "tiny-qwen2", "tiny-gpt2"])
    func `files that others wrote open, and writing them again keeps each number`(_ model: String)
        throws
    {
        let source = try #require(Fixtures.shared("models/\(model)/model.safetensors"))
        let file = try SafetensorsFile(path: source)
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "copy.safetensors")
            try Safetensors.write(
                to: path, tensors: try file.names.map { .init($0, try file.tensor($0)) })
            let copy = try SafetensorsFile(path: path)
            #expect(copy.names == file.names)
            for name in file.names {
                let (a, b) = (try file.floats(name), try copy.floats(name))
                #expect(a.map(\.bitPattern) == b.map(\.bitPattern))
                #expect(a.allSatisfy { $0.isFinite })
            }
        }
    }
}

private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

private func withFile(_ header: String, data: [UInt8], _ body: (String) throws -> Void) throws {
    try withBytes(Malformed.file(header, data: data), body)
}

private func withBytes(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    try Fixtures.withTemporaryDirectory { directory in
        let path = FilePath.join(directory, "x.safetensors")
        try AtomicFile.write(bytes, to: path)
        try body(path)
    }
}
