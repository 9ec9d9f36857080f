import Testing
import choroy

@Suite struct `Keys of a terminal` {
    @Test(arguments: [
        ("a", [Key.text("a")]), ("añ🦜", [.text("añ🦜")]), ("\r", [.enter]), ("\n", [.enter]),
        ("\u{1B}\r", [.newLine]), ("\t", [.tab]), ("\u{7F}\u{8}", [.backspace, .backspace]),
        ("\u{1B}[A\u{1B}[B\u{1B}[C\u{1B}[D", [.up, .down, .right, .left]),
        (
            "\u{1B}OA\u{1B}OB\u{1B}OC\u{1B}OD\u{1B}OH\u{1B}OF",
            [.up, .down, .right, .left, .home, .end]
        ),
        (
            "\u{1B}[H\u{1B}[F\u{1B}[1~\u{1B}[4~\u{1B}[7~\u{1B}[8~",
            [.home, .end, .home, .end, .home, .end]
        ),
        ("\u{1B}[3~\u{1B}[3;5~", [.delete, .deleteWord]),
        ("\u{1B}b\u{1B}f\u{1B}d\u{1B}\u{7F}", [.wordLeft, .wordRight, .deleteWord, .cutLetters]),
        (
            "\u{1B}[1;5D\u{1B}[1;5C\u{1B}[1;3D\u{1B}Oc",
            [.wordLeft, .wordRight, .wordLeft, .wordRight]
        ),
        ("\u{1B}[13;2u\u{1B}[27;2;13~\u{1B}[13u", [.newLine, .newLine, .enter]),
        ("\u{1}\u{2}\u{5}\u{6}", [.home, .left, .end, .right]),
        ("\u{B}\u{15}\u{17}\u{19}\u{14}", [.cutToEnd, .cutToStart, .cutWord, .yank, .transpose]),
        ("\u{3}\u{4}\u{7}\u{C}", [.interrupt, .endOfInput, .cancel, .clear]),
        ("\u{E}\u{10}\u{12}\u{1A}", [.next, .previous, .search, .suspend]),
        ("\u{1B}\u{1B}[A", [.up]),
        ("\u{1B}[200~a\u{1B}[A\n\u{3}\u{1B}[201~b", [.paste("a\u{1B}[A\n\u{3}"), .text("b")]),
        ("\u{1B}[200~\u{1B}[201~", [.paste("")]),
    ])
    func `are known, whole and one byte at a time`(bytes: String, keys: [Key]) {
        var whole = KeyDecoder()
        #expect(whole.append(bytes.utf8) == keys)
        #expect(!whole.isWaiting)
        var piecewise = KeyDecoder()
        var found: [Key] = []
        for byte in bytes.utf8 {
            for key in piecewise.append(CollectionOfOne(byte)) {
                if case .text(let more) = key, case .text(let text) = found.last {
                    found[found.count - 1] = .text(text + more)
                } else {
                    found.append(key)
                }
            }
        }
        #expect(found == keys)
    }

    @Test(arguments: [
        "\u{1B}[19;2~", "\u{1B}OP", "\u{1B}[I", "\u{1B}[?1;2c", "\u{1B}[<0;1;2M", "\u{1B}[[A",
        "\u{1B}x",
        "\u{1B}]11;rgb:0/0/0\u{7}", "\u{1B}]0;t\u{1B}\\", "\u{1B}P1$r0m\u{1B}\\",
        "\u{1B}_G\u{1B}\\",
        "\u{1B}[\(String(repeating: "1;", count: 5000))m", "\u{0}\u{1C}\u{1D}\u{1E}\u{1F}\u{11}",
        "\u{1B}[99999999999999999999~", "\u{1B}[;;;~",
    ])
    func `that mean nothing leave nothing`(bytes: String) {
        var decoder = KeyDecoder()
        #expect(decoder.append("\(bytes)z".utf8) == [.text("z")])
    }

    @Test func `an ESC that nothing follows is a key of its own`() {
        var decoder = KeyDecoder()
        #expect(decoder.append([0x1B]) == [] && decoder.isWaiting)
        #expect(decoder.expire() == [.escape] && !decoder.isWaiting)
        #expect(decoder.expire() == [])
        #expect(decoder.append("\u{1B}[1;".utf8) == [] && decoder.isWaiting)
        #expect(decoder.expire() == [] && decoder.append("A".utf8) == [.text("A")])
    }

    @Test func `bytes that are no UTF-8 are replaced`() {
        var decoder = KeyDecoder()
        #expect(decoder.append([0xFF, 0x61]) == [.text("\u{FFFD}a")])
        #expect(decoder.append([0xC3]) == [])
        #expect(decoder.append([0x0D]) == [.text("\u{FFFD}"), .enter])
    }

    @Test(arguments: ["lorem ipsum \n", "é🦜~\u{1B}[201"])
    func `a paste of 10 MB in small reads is one text`(unit: String) {
        let text = String(repeating: unit, count: 10_000_000 / unit.utf8.count)
        let bytes = Array("\u{1B}[200~\(text)\u{1B}[201~\r".utf8)
        var decoder = KeyDecoder()
        var keys: [Key] = []
        for start in stride(from: 0, to: bytes.count, by: 4093) {
            keys += decoder.append(bytes[start..<min(start + 4093, bytes.count)])
        }
        #expect(keys.count == 2 && keys.last == .enter)
        if case .paste(let pasted) = keys.first {
            let isSame = pasted.utf8.elementsEqual(text.utf8)
            #expect(isSame)
        }
    }
}
