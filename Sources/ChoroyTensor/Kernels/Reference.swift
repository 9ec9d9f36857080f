#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What every operation means: plain loops over rows, in `Float` or `Double`.
///
/// This is the specification of `Ops` and of the C kernels, and what their tests compare them with. It
/// is written to be read; nothing else calls it. (`@specialized` makes it fast enough for thousands of
/// finite differences.) A matrix is an array of rows: x[n][i] is element i of
/// row n.
package enum Reference {
    package typealias Matrix<Real> = [[Real]]

    // MARK: - Products

    /// y[j] = Σ_k x[k] · b[k][j]        x: [K]   b: [K, J]   y: [J]
    @specialized(where Real == Double)
    package static func multiply<Real: BinaryFloatingPoint>(_ x: [Real], _ b: Matrix<Real>)
        -> [Real]
    {
        var y = [Real](repeating: 0, count: b.first?.count ?? 0)
        for k in x.indices {
            for j in y.indices { y[j] += x[k] * b[k][j] }
        }
        return y
    }

    /// y[n][o] = Σ_k x[n][k] · w[o][k]        x: [N, K]   w: [O, K]   y: [N, O]
    @specialized(where Real == Double)
    package static func linear<Real: BinaryFloatingPoint>(_ x: Matrix<Real>, _ w: Matrix<Real>)
        -> Matrix<Real>
    {
        x.map { row in w.map { dot(row, $0) } }
    }

    /// Σ_i a[i] · b[i]
    @specialized(where Real == Double)
    package static func dot<Real: BinaryFloatingPoint>(_ a: [Real], _ b: [Real]) -> Real {
        var sum: Real = 0
        for i in a.indices { sum += a[i] * b[i] }
        return sum
    }

    /// Σ_i x[i]²
    @specialized(where Real == Double)
    package static func sumOfSquares<Real: BinaryFloatingPoint>(_ x: [Real]) -> Real { dot(x, x) }

    // MARK: - Products in bytes

    /// q[k] = round(x[k] / scale), scale = max|x| / 127; all zeros have scale 0.
    package static func int8<Real: BinaryFloatingPoint>(_ x: some Collection<Real>) -> (
        scale: Real, q: [Int]
    ) {
        let largest = x.map(\.magnitude).max() ?? 0
        if largest == 0 { return (0, x.map { _ in 0 }) }
        return (largest / 127, x.map { Int(($0 * (127 / largest)).rounded(.toNearestOrEven)) })
    }

    /// y[n][o] = scale[o] · Σ_g s[n][g] · Σ_{k in g} q[o][k] · p[n][k]
    ///
    /// p and s are the bytes of x and their scales, one for each group g of columns.
    package static func int8Linear<Real: BinaryFloatingPoint>(
        _ x: Matrix<Real>, q: [[Int]], scale: [Real], group: Int
    ) -> Matrix<Real> {
        x.map { row in
            let starts = Array(stride(from: 0, to: row.count, by: group))
            let p = starts.map { int8(row[$0..<min(row.count, $0 + group)]) }
            return q.indices.map { o in
                var sum: Real = 0
                for (g, start) in starts.enumerated() {
                    let products = p[g].q.indices.map { q[o][start + $0] * p[g].q[$0] }
                    sum += p[g].scale * Real(products.reduce(0, +))
                }
                return scale[o] * sum
            }
        }
    }

    // MARK: - Layers

    /// y[n] = weight[tokens[n]]        weight: [V, D]   y: [N, D]
    @specialized(where Real == Double)
    package static func embedding<Real: BinaryFloatingPoint>(
        _ tokens: [Int32], _ weight: Matrix<Real>
    ) -> Matrix<Real> {
        tokens.map { weight[Int($0)] }
    }

    /// y[n][i] = x[n][i] / sqrt(mean(x[n]²) + epsilon) · weight[i]
    ///
    /// Zhang & Sennrich 2019, eq. 4.
    @specialized(where Real == Double)
    package static func rmsNorm<Real: BinaryFloatingPoint>(
        _ x: Matrix<Real>, _ weight: [Real], epsilon: Real
    ) -> Matrix<Real> {
        x.map { row in
            let meanSquare = sumOfSquares(row) / Real(row.count)
            let factor = 1 / (meanSquare + epsilon).squareRoot()
            return row.indices.map { row[$0] * factor * weight[$0] }
        }
    }

    /// y[n][i] = gate[n][i] · sigmoid(gate[n][i]) · up[n][i],   sigmoid(x) = 1 / (1 + e⁻ˣ)
    ///
    /// Shazeer 2020, eq. 5.
    @specialized(where Real == Double)
    package static func swiGLU<Real: BinaryFloatingPoint>(gate: Matrix<Real>, up: Matrix<Real>)
        -> Matrix<Real>
    {
        gate.indices.map { n in
            gate[n].indices.map { i in gate[n][i] / (1 + exp(-gate[n][i])) * up[n][i] }
        }
    }

    /// Turns each pair (a, b) = (x[i], x[i + d/2]) of a head of width d by an angle:
    ///
    ///     angle = position · theta^(−2i/d)
    ///     y[i]       = a · cos(angle) − b · sin(angle)
    ///     y[i + d/2] = b · cos(angle) + a · sin(angle)
    ///
    /// Su et al. 2021, eq. 34, with the halves side by side as in Hugging Face's models.
    @specialized(where Real == Double)
    package static func rotary<Real: BinaryFloatingPoint>(
        _ x: Matrix<Real>, positions: [Int], headDim: Int, theta: Real
    ) -> Matrix<Real> {
        var y = x
        let half = headDim / 2
        for n in x.indices {
            for head in stride(from: 0, to: x[n].count, by: headDim) {
                for i in 0..<half {
                    let exponent = -2 * Real(i) / Real(headDim)
                    let frequency = exp(exponent * log(theta))
                    let angle = Real(positions[n]) * frequency
                    let (a, b) = (x[n][head + i], x[n][head + half + i])
                    y[n][head + i] = a * cos(angle) - b * sin(angle)
                    y[n][head + half + i] = b * cos(angle) + a * sin(angle)
                }
            }
        }
        return y
    }

    // MARK: - Attention

    /// p[i] = e^x[i] / Σ_j e^x[j], with the largest x taken off first so that nothing overflows.
    @specialized(where Real == Double)
    package static func softmax<Real: BinaryFloatingPoint>(_ x: [Real]) -> [Real] {
        let largest = x.max() ?? 0
        let powers = x.map { exp($0 - largest) }
        let total = powers.reduce(0, +)
        return powers.map { $0 / total }
    }

    /// Causal grouped-query attention of one sequence:
    ///
    ///     y[i] = Σ_j p[j] · v[j],   p = softmax(q[i] · k[j] / sqrt(d) for j in 0...position(i))
    ///
    /// q: [N, H · d], k and v: [T, G · d]: the queries stand at the last N of T positions. Query head h
    /// reads key-value head h / (H / G).
    ///
    /// Vaswani et al. 2017, eq. 1; Ainslie et al. 2023.
    @specialized(where Real == Double)
    package static func attention<Real: BinaryFloatingPoint>(
        q: Matrix<Real>, k: Matrix<Real>, v: Matrix<Real>, heads: Int, keyValueHeads: Int,
        headDim d: Int
    ) -> Matrix<Real> {
        let past = k.count - q.count
        let scale = 1 / Real(d).squareRoot()
        var y = q
        for i in q.indices {
            for h in 0..<heads {
                let g = h / (heads / keyValueHeads)
                let scores = (0...past + i).map { j in
                    var score: Real = 0
                    for c in 0..<d { score += q[i][h * d + c] * k[j][g * d + c] }
                    return score * scale
                }
                let p = softmax(scores)
                for c in 0..<d {
                    y[i][h * d + c] = 0
                    for j in p.indices { y[i][h * d + c] += p[j] * v[j][g * d + c] }
                }
            }
        }
        return y
    }

    // MARK: - Loss

    /// Mean over the rows that count of −log softmax(logits[n])[targets[n]], in nats.
    ///
    /// logits: [N, V]; a row with a negative target does not count.
    @specialized(where Real == Double)
    package static func crossEntropy<Real: BinaryFloatingPoint>(
        _ logits: Matrix<Real>, targets: [Int32]
    )
        -> Real
    {
        var sum: Real = 0
        var counted = 0
        for (row, target) in zip(logits, targets) where target >= 0 {
            // −log(e^x[t] / Σ e^x) = log Σ e^x − x[t]
            let largest = row.max() ?? 0
            let total = row.reduce(0) { $0 + exp($1 - largest) }
            sum += log(total) + largest - row[Int(target)]
            counted += 1
        }
        return sum / Real(counted)
    }

    // MARK: - Optimizer

    /// One step of AdamW for a weight w with gradient g; m and v are its moments:
    ///
    ///     m ← beta1 · m + (1 − beta1) · g          v ← beta2 · v + (1 − beta2) · g²
    ///     m̂ = m / (1 − beta1ᵗ)                     v̂ = v / (1 − beta2ᵗ)
    ///     w ← w · (1 − rate · decay) − rate · m̂ / (sqrt(v̂) + epsilon)
    ///
    /// t is 1 in the first step. Loshchilov & Hutter 2019, algorithm 2, as PyTorch runs it.
    @specialized(where Real == Double)
    package static func adamW<Real: BinaryFloatingPoint>(
        _ w: inout Real, gradient g: Real, m: inout Real, v: inout Real, rate: Real, beta1: Real,
        beta2: Real, epsilon: Real, decay: Real, step t: Int
    ) {
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        let meanHat = m / (1 - power(beta1, t))
        let squareHat = v / (1 - power(beta2, t))
        w = w * (1 - rate * decay) - rate * meanHat / (squareHat.squareRoot() + epsilon)
    }

    private static func power<Real: BinaryFloatingPoint>(_ base: Real, _ exponent: Int) -> Real {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }
}

// The formulas' functions for any floating-point type: through Double, so that `Float` rounds once.
private func exp<Real: BinaryFloatingPoint>(_ x: Real) -> Real { Real(exp(Double(x))) }
private func log<Real: BinaryFloatingPoint>(_ x: Real) -> Real { Real(log(Double(x))) }
private func cos<Real: BinaryFloatingPoint>(_ x: Real) -> Real { Real(cos(Double(x))) }
private func sin<Real: BinaryFloatingPoint>(_ x: Real) -> Real { Real(sin(Double(x))) }
