import ChoroyGeneration
import ChoroySystem
import ChoroyText
import Foundation
import Testing

@Suite struct `Sampling` {
    /// Parameters that keep everything, changed by `change`.
    static func parameters(_ change: (inout SamplingParameters) -> Void) -> SamplingParameters {
        var parameters = SamplingParameters()
        parameters.temperature = 1
        parameters.topK = 0
        parameters.topP = 1
        parameters.minP = 0
        change(&parameters)
        return parameters
    }

    /// Logits of these probabilities.
    static func logits(_ probabilities: [Double]) -> [Float] {
        probabilities.map { Float(log($0)) }
    }

    static func kept(_ parameters: SamplingParameters, _ logits: [Float]) throws -> [TokenID] {
        try Sampler(parameters).candidates(logits, history: []).map(\.token)
    }

    static let worked = logits([0.1, 0.4, 0.05, 0.25, 0.2])

    @Test(arguments: [(1, [1]), (3, [1, 3, 4]), (5, [1, 3, 4, 0, 2]), (900, [1, 3, 4, 0, 2])])
    func `top-k keeps the k likeliest`(k: Int, expected: [TokenID]) throws {
        // min-p of almost nothing asks for descending order also where k keeps all.
        let parameters = Self.parameters {
            $0.topK = k
            $0.minP = 1e-9
        }
        #expect(try Self.kept(parameters, Self.worked) == expected)
    }

    @Test(arguments: [(0.3, [1]), (0.41, [1, 3]), (0.7, [1, 3, 4]), (0.94, [1, 3, 4, 0])])
    func `top-p keeps the fewest tokens that reach p`(p: Double, expected: [TokenID]) throws {
        #expect(try Self.kept(Self.parameters { $0.topP = p }, Self.worked) == expected)
        // The same when a top-k that drops nothing of it goes before.
        let withTopK = Self.parameters {
            $0.topP = p
            $0.topK = 5
        }
        #expect(try Self.kept(withTopK, Self.worked) == expected)
    }

    @Test func `top-p counts within what top-k left`() throws {
        // 0.4, 0.25, 0.2 of 0.85: the first two have 76 %.
        let parameters = Self.parameters {
            $0.topK = 3
            $0.topP = 0.7
        }
        #expect(try Self.kept(parameters, Self.worked) == [1, 3])
    }

    @Test(arguments: [(0.1, [1, 3, 4, 0, 2]), (0.3, [1, 3, 4]), (0.6, [1, 3]), (1.0, [1])])
    func `min-p keeps what is probable relative to the peak`(p: Double, expected: [TokenID]) throws
    {
        #expect(try Self.kept(Self.parameters { $0.minP = p }, Self.worked) == expected)
    }

    @Test func `the temperature acts last`() throws {
        let parameters = Self.parameters {
            $0.topP = 0.5
            $0.temperature = 2
        }
        // Top-p sees 0.4 + 0.25; then the square roots of both share the probability.
        let candidates = try Sampler(parameters).candidates(Self.worked, history: [])
        #expect(candidates.map(\.token) == [1, 3])
        let expected = 0.4.squareRoot() / (0.4.squareRoot() + 0.25.squareRoot())
        // 1e-6: the logits are rounded to Float.
        #expect(abs(candidates[0].probability - expected) < 1e-6)
    }

    @Test func `the repetition penalty makes seen tokens less likely whatever their sign`() throws {
        let parameters = Self.parameters {
            $0.repeatPenalty = 2
            $0.repeatWindow = 2
        }
        let candidates = try Sampler(parameters).candidates(
            [2, -1, 0, 2], history: [3, 0, 1, 1, 0])
        let weights = [1.0, -2.0, 0.0, 2.0].map { exp($0) }
        for (candidate, weight) in zip(candidates, weights) {
            #expect(abs(candidate.probability - weight / weights.reduce(0, +)) < 1e-9)
        }
    }

    @Test func `temperature 0 takes the likeliest, of equals the smallest id`() throws {
        var sampler = try Sampler(.greedy)
        for _ in 0..<10 { #expect(try sampler.sample([1, 3, 3, 2], history: []) == 1) }
    }

    @Test func `top-k of equals keeps the smallest ids`() throws {
        let equal = [Float](repeating: 0, count: 1000)
        #expect(try Self.kept(Self.parameters { $0.topK = 3 }, equal) == [0, 1, 2])
    }

    @Test func `the same seed gives the same tokens, another seed others`() throws {
        func draw(_ seed: UInt64) throws -> [TokenID] {
            var sampler = try Sampler(Self.parameters { $0.seed = seed })
            return try (0..<50).map { _ in try sampler.sample(Self.worked, history: []) }
        }
        #expect(try draw(7) == draw(7))
        #expect(try draw(7) != draw(8))
    }

    @Test func `frequencies follow the softmax`() throws {
        var sampler = try Sampler(Self.parameters { $0.seed = 1 })
        let probabilities = [0.1, 0.4, 0.05, 0.25, 0.2]
        let draws = 40_000
        var counts = [Int](repeating: 0, count: 5)
        for _ in 0..<draws { counts[Int(try sampler.sample(Self.worked, history: []))] += 1 }
        for (count, p) in zip(counts, probabilities) {
            let sigma = (Double(draws) * p * (1 - p)).squareRoot()
            #expect(abs(Double(count) - Double(draws) * p) < 4 * sigma)
        }
    }

    @Test(arguments: [0, 1, 3, 40, 300, 5000])
    func `partial selection equals a full sort`(k: Int) throws {
        var random = SeededRandom(seed: 3)
        // Coarse values make ties.
        let logits = (0..<3000).map { _ in Float(random.below(400)) / 50 }
        let sorted = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
        for (topP, minP) in [(1, 0.0), (0.9, 0), (0.5, 0), (1, 0.2), (0.9, 0.1)] {
            let limit = k == 0 ? 3000 : min(k, 3000)
            let mass = sorted[..<limit].reduce(0) { $0 + exp(Double(logits[$1])) }
            var expected: [TokenID] = []
            var sum = 0.0
            for id in sorted[..<limit] {
                let isFull = topP < 1 && sum >= topP * mass
                let isRare = exp(Double(logits[id] - logits[sorted[0]])) < minP * (1 - 1e-12)
                if !expected.isEmpty && (isFull || isRare) { break }
                expected.append(TokenID(id))
                sum += exp(Double(logits[id]))
            }
            let parameters = Self.parameters {
                $0.topK = k
                $0.topP = topP
                $0.minP = minP
            }
            let kept = try Self.kept(parameters, logits)
            #expect(
                topP == 1 && minP == 0 && limit == 3000
                    ? kept.sorted() == expected.sorted() : kept == expected)
        }
    }

    @Test func `minus infinity is never drawn`() throws {
        var sampler = try Sampler(SamplingParameters())
        for _ in 0..<20 {
            #expect(try sampler.sample([-.infinity, 0, -.infinity], history: []) == 1)
        }
    }

    @Test(arguments: [Float.nan, .infinity])
    func `logits that are not numbers are an error`(bad: Float) throws {
        for parameters in [SamplingParameters(), .greedy] {
            var sampler = try Sampler(parameters)
            #expect(throws: SamplingError.self) { try sampler.sample([0, bad, 1], history: []) }
            #expect(throws: SamplingError.noTokenPossible(vocabularySize: 2)) {
                try sampler.sample([-.infinity, -.infinity], history: [])
            }
            #expect(throws: SamplingError.noTokenPossible(vocabularySize: 0)) {
                try sampler.sample([], history: [])
            }
        }
    }

    @Test func `extreme logits, temperatures and histories do not trap`() throws {
        let huge = Float.greatestFiniteMagnitude
        for temperature in [1e-300, 1e-3, 1e6] {
            let parameters = Self.parameters {
                $0.temperature = temperature
                $0.repeatPenalty = 100
            }
            var sampler = try Sampler(parameters)
            let token = try sampler.sample([huge, -huge, 0], history: [-5, 1, 0, 9_000_000])
            #expect((0..<3).contains(token))
        }
    }

    @Test(
        arguments: [
            { $0.temperature = -1 }, { $0.temperature = .nan }, { $0.temperature = .infinity },
            { $0.topK = -1 }, { $0.topP = 0 }, { $0.topP = 1.5 }, { $0.minP = -0.1 },
            { $0.minP = .nan },
            { $0.repeatPenalty = 0 }, { $0.repeatWindow = -1 },
        ] as [@Sendable (inout SamplingParameters) -> Void])
    func `parameters out of range are refused`(
        _ change: @Sendable (inout SamplingParameters) -> Void
    ) {
        #expect(throws: SamplingError.self) { try Sampler(Self.parameters(change)) }
    }

    @Test func `a vocabulary of 150,000 takes milliseconds`() throws {
        var random = SeededRandom(seed: 5)
        let logits = (0..<150_000).map { _ in Float(random.uniform() * 10) }
        var sampler = try Sampler(SamplingParameters())
        let start = Machine.now()
        for _ in 0..<20 { _ = try sampler.sample(logits, history: [1, 2, 3]) }
        // 20 ms is ten times what two cores need; a full sort takes longer.
        #expect((Machine.now() - start) / 20 < 0.02)
    }
}
