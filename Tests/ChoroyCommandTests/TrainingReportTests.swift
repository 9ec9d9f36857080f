import ChoroySystem
import TestSupport
import Testing
import choroy

@Suite struct `A report of training runs` {
    /// A directory with a run of three steps whose texts try to be markup.
    static func withRun(_ name: String, _ body: (String) throws -> Void) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = FilePath.join(directory, name)
            let training = FilePath.join(run, "training")
            try FilePath.createDirectory(training)
            func write(_ name: String, _ text: String) throws {
                try AtomicFile.write(Array(text.utf8), to: FilePath.join(training, name))
            }
            let lines = (1...3).map {
                """
                {"step":\($0),"tokens":\($0 * 64),"seconds":\($0),"loss":\(4 - $0),\
                "validation_bits_per_byte":\($0 == 2 ? "null" : "2.5"),"learning_rate":0.001,\
                "gradient_norm":1,"tokens_per_second":64}
                """
            }
            try write("metrics.jsonl", lines.joined(separator: "\n") + "\n{\"step\":4,\"los")
            try write(
                "samples.jsonl", #"{"step":1,"text":"<script>alert('x')</script>\u001b&"}"# + "\n")
            try write("plan.json", #"{"plan":{"steps":3,"<b>":"\"><img src=x>"},"model":{}}"#)
            try write(
                "run.json",
                #"{"command":"choroy train '<i>'","machine":{"processor":"a & b","memory_bytes":2000000}}"#
            )
            try body(run)
        }
    }

    @Test func `escapes everything that it was given`() throws {
        try Self.withRun("<u>run") { run in
            let page = ReportPage([try RunHistory(of: run)]).html
            for bad in ["<script", "<img", "<i>", "<u>", "<b>\"", "\u{1B}"] {
                #expect(!page.contains(bad), "\(bad)")
            }
            for good in [
                "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{FFFD}&amp;", "a &amp; b", "2 MB",
                "&lt;u&gt;run", "Training loss", "not finished", "</html>",
            ] {
                #expect(page.contains(good), "\(good)")
            }
            #expect(page.components("<svg") == 4 && page.components("</svg>") == 4)
            for outside in ["http://", "https://", "url(http", "@import"] {
                #expect(!page.contains(outside), "\(outside)")
            }
        }
    }

    @Test func `compares runs by the tokens they read`() throws {
        try Self.withRun("one") { one in
            try Self.withRun("two") { two in
                let page = ReportPage([try RunHistory(of: one), try RunHistory(of: two)]).html
                #expect(page.contains("2 training runs") && page.contains(">tokens</text>"))
                #expect(page.components("class=\"curve s1\"") == 4)
            }
        }
    }

    @Test func `needs measurements`() {
        #expect(throws: FileError.self) { try RunHistory(of: "/tmp") }
    }

    @Test func `axes have round numbers`() {
        #expect(CurveDrawing.ticks(0...10, count: 5) == [0, 2, 4, 6, 8, 10])
        #expect(
            CurveDrawing.ticks(1.1...1.9, count: 4).map { ($0 * 100).rounded() } == [
                120, 140, 160, 180,
            ])
    }
}

@Suite struct `Events for TensorBoard` {
    /// The bytes that TensorBoard 2.20's own writer gives for
    /// `Event(wall_time=1.5, step=300, summary=Summary(value=[Value(tag='loss', simple_value=0.25)]))`.
    @Test func `are the bytes of its own writer`() {
        let event = TensorBoardEvent(seconds: 1.5, step: 300, .scalars([("loss", 0.25)]))
        let hex = event.record.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
        #expect(
            hex == "1b000000000000001a0d9e1309000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e"
                + "9908deed")
    }
}

extension String {
    /// How often `part` is in the text.
    fileprivate func components(_ part: String) -> Int { ranges(of: part).count }
}
