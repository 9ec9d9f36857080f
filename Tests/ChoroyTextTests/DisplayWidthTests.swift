import ChoroyText
import Testing

@Suite struct `Columns on a terminal` {
    @Test(arguments: [
        ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("안녕", 4), ("\u{1112}\u{1161}\u{11AB}", 2),
        ("漢字", 4), ("ｆ", 2), ("🦜", 2), ("👩\u{200D}👧", 2), ("👍🏽", 2), ("❤\u{FE0F}", 2), ("❤", 1),
        ("🇨🇱", 2), ("1\u{FE0F}\u{20E3}", 1), ("\u{200B}", 0), ("\u{301}", 0), ("\u{A0}", 1),
        ("…", 1),
    ])
    func `are counted by characters`(text: String, columns: Int) {
        #expect(DisplayWidth.of(text) == columns)
    }

    @Test func `of any scalar are none, one or two`() {
        var strange: [Unicode.Scalar] = []
        for value in 0...0x3FFFF {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            if !(0...2 ~= DisplayWidth.of(Character(scalar))) { strange.append(scalar) }
        }
        #expect(strange == [])
    }
}
