/// `base` with some rows taken from another matrix.
///
///     y[n] = values[i] where (n, i) is in `places`, else base[n]        y, base: [N, D]
///
/// - Precondition: the places are rows of both; no row of `base` comes twice.
func replacedRows(
    of base: Tensor, at places: [(row: Int, index: Int)], by values: Tensor
) -> Tensor {
    let width = base.width
    precondition(
        values.width == width
            && places.allSatisfy { $0.row < base.rows && $0.index < values.rows },
        "replacedRows: \(base.shape) by \(values.shape)")
    if places.isEmpty { return base }
    let y = copy(of: base)
    for (row, index) in places {
        unsafe (y.storage.pointer + row * width).update(
            from: values.pointer + index * width, count: width)
    }
    return y.recording(base, values) { dy, gradients in
        var dbase: Tensor?
        if base.isRecorded {
            let slope = copy(of: dy)
            for (row, _) in places {
                unsafe (slope.storage.pointer + row * width).update(repeating: 0, count: width)
            }
            dbase = slope
        }
        guard values.isRecorded else { return [dbase, nil] }
        let dvalues = unsafe Tensor(shape: values.shape) { sums in
            unsafe sums.update(repeating: 0)
            for (row, index) in places {
                for i in 0..<width {
                    unsafe sums[index * width + i] += dy.pointer[row * width + i]
                }
            }
        }
        return [dbase, dvalues]
    }
}

/// `base` with some columns taken from another matrix.
///
///     y[n][columns[i]] = values[n][i], else base[n][o]        y, base: [N, O]   values: [N, R]
///
/// - Precondition: one column for each of the R; none comes twice.
func replacedColumns(of base: Tensor, at columns: [Int32], by values: Tensor) -> Tensor {
    let (width, count) = (base.width, columns.count)
    precondition(
        values.width == count && values.rows == base.rows
            && columns.allSatisfy { $0 >= 0 && $0 < width },
        "replacedColumns: \(base.shape) by \(values.shape)")
    let y = copy(of: base)
    for n in 0..<base.rows {
        for (i, o) in columns.enumerated() {
            unsafe y.storage.pointer[n * width + Int(o)] = values.pointer[n * count + i]
        }
    }
    return y.recording(base, values) { dy, _ in
        let dvalues = unsafe Tensor(shape: values.shape) { slopes in
            for n in 0..<base.rows {
                for (i, o) in columns.enumerated() {
                    unsafe slopes[n * count + i] = dy.pointer[n * width + Int(o)]
                }
            }
        }
        guard base.isRecorded else { return [nil, dvalues] }
        let dbase = copy(of: dy)
        for n in 0..<base.rows {
            for o in columns { unsafe dbase.storage.pointer[n * width + Int(o)] = 0 }
        }
        return [dbase, dvalues]
    }
}

private func copy(of x: Tensor) -> Tensor {
    unsafe Tensor(shape: x.shape) { y in
        unsafe y.baseAddress?.update(from: x.pointer, count: x.count)
    }
}
