/// The n-grams of one order as rows of numbers, sorted by their ids.
///
/// A row holds the last token, then what belongs to the n-gram: how often it occurs while a model is
/// estimated, the base-10 logarithm of its probability (the bits of a `Float`) after that. Below the
/// highest order follow the adjusted count or the base-10 logarithm of the back-off weight, and where the
/// n-gram's continuations begin in the next order; there one row more ends those of the last n-gram.
/// In the order 1 the row's place is the id. Places are not checked: whoever reads what a file says checks it.
@safe struct NGramRows: @unchecked Sendable, BitwiseCopyable {
    let pointer: UnsafeMutablePointer<UInt32>
    let count: Int
    /// Numbers of a row: 4, at the highest order 2.
    let width: Int

    @inline(__always) func token(_ index: Int) -> UInt32 { unsafe pointer[index * width] }

    /// The count, or the bits of the logarithm.
    @inline(__always) var first: Column { unsafe Column(pointer: pointer + 1, width: width) }
    /// The adjusted count, or the bits of the back-off weight.
    @inline(__always) var second: Column {
        unsafe Column(pointer: width == 4 ? pointer + 2 : pointer + 1, width: width)
    }

    @inline(__always) func firstChild(_ index: Int) -> Int { unsafe Int(pointer[index * 4 + 3]) }

    /// - Parameter limit: n-grams of the next order.
    @inline(__always) func children(_ index: Int, limit: Int = .max) -> Range<Int> {
        let start = min(firstChild(index), limit)
        return start..<max(start, min(firstChild(index + 1), limit))
    }

    /// One number of every row.
    @safe struct Column {
        let pointer: UnsafeMutablePointer<UInt32>
        let width: Int

        @inline(__always) subscript(index: Int) -> UInt32 {
            get { unsafe pointer[index * width] }
            nonmutating set { unsafe pointer[index * width] = newValue }
        }

        @inline(__always) func float(_ index: Int) -> Float {
            Float(bitPattern: self[index])
        }

        @inline(__always) func set(_ index: Int, _ value: Float) {
            unsafe pointer[index * width] = value.bitPattern
        }
    }
}
