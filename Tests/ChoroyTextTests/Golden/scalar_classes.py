"""Writes two tables in Sources/ChoroyText: ScalarClassTable.swift, letter, number or white space for every
scalar, and LetterCaseTable.swift, which letters are capital or small, and which scalars are marks.

The general categories are those of utf8proc 2.8 (Unicode 15.0.0), asked through its shared library;
white space is the property White_Space of PropList.txt, the same since Unicode 6.3.

    python3 Tests/ChoroyTextTests/Golden/scalar_classes.py
"""

import ctypes
import ctypes.util
import pathlib

library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
library.utf8proc_unicode_version.restype = ctypes.c_char_p
library.utf8proc_category_string.restype = ctypes.c_char_p
assert library.utf8proc_unicode_version() == b"15.0.0", library.utf8proc_unicode_version()

WHITE_SPACE = {
    *range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
    0x205F, 0x3000,
}


def scalar_class(value):
    """0 other, 1 letter (L*), 2 number (N*), 3 white space."""
    if value in WHITE_SPACE:
        return 3
    return {"L": 1, "N": 2}.get(library.utf8proc_category_string(value).decode()[0], 0)


def letter_case(value):
    """0 other, 1 capital (Lu, Lt), 2 small (Ll), 3 mark (M*)."""
    return {"Lu": 1, "Lt": 1, "Ll": 2, "Mn": 3, "Mc": 3, "Me": 3}.get(
        library.utf8proc_category_string(value).decode(), 0)


def rows(values, per_row):
    lines = [values[i : i + per_row] for i in range(0, len(values), per_row)]
    return "\n".join("        " + ", ".join(line) + "," for line in lines)


def hexadecimal(word):
    digits = f"{word:016x}"
    return "0x" + "_".join(digits[i : i + 4] for i in range(0, 16, 4))


def write(name, function, title, meaning):
    classes = [function(value) for value in range(0x110000)]
    last = max(value for value in range(0x110000) if classes[value] and value < 0xE0000)
    assert not any(classes[0xE0000:]) or name == "LetterCaseTable"
    blocks, pages = [], []
    for start in range(0, last + 1, 256):
        block = tuple(classes[start : start + 256])
        if block not in blocks:
            blocks.append(block)
        pages.append(blocks.index(block))
    assert len(blocks) <= 256
    words = []
    for block in blocks:
        for start in range(0, 256, 32):
            words.append(sum(block[start + i] << (2 * i) for i in range(32)))
    text = f"""// Made by Tests/ChoroyTextTests/Golden/scalar_classes.py from Unicode 15.0.0 (utf8proc 2.8).

/// {title}, for every scalar: two bits each, in blocks of 256 scalars.
///
/// Scalars from U+{len(pages) * 256:X} on have no block.
enum {name} {{
    /// The block of each 256 scalars.
    static let pages: [UInt8] = [
{rows([str(page) for page in pages], 22)}
    ]

    /// Eight words a block, 32 scalars a word, the first in the lowest bits:
    /// {meaning}.
    static let words: [UInt64] = [
{rows([hexadecimal(word) for word in words], 4)}
    ]
}}
"""
    path = pathlib.Path(__file__).parents[3] / f"Sources/ChoroyText/{name}.swift"
    path.write_text(text)
    print(f"{path.name}: {len(pages)} pages, {len(blocks)} blocks, {len(text)} bytes")


write("ScalarClassTable", scalar_class, "Letter, number or white space",
      "0 other, 1 letter (L*), 2 number (N*), 3 white space")
write("LetterCaseTable", letter_case, "Capital or small letter, or mark",
      "0 other, 1 capital (Lu, Lt), 2 small (Ll), 3 mark (M*)")
