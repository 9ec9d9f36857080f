internal import ChoroySystem
public import ChoroyText

/// The tokens that a run learns from: of a file, or in memory; documents one behind the other, each
/// with its end-of-text token where there is one.
public struct TrainingTokens: Sendable {
    private enum Storage: Sendable {
        case memory([TokenID], starts: [Int])
        case file(TokenFile)
    }

    private let storage: Storage
    public let count: Int
    public let documentCount: Int
    /// Documents that are read equally often; together all of them, in their order.
    public let pools: [TokenFile.Pool]

    /// One document.
    public init(_ tokens: [TokenID]) { self.init(documents: [tokens]) }

    /// Documents in memory; `weights` tells how often each is read in an epoch.
    ///
    /// - Precondition: as many weights as documents, if any; all positive.
    public init(documents: [[TokenID]], weights: [Double]? = nil) {
        precondition(
            weights == nil
                || weights?.count == documents.count && weights?.allSatisfy { $0 > 0 } == true,
            "\(documents.count) documents, weights \(weights ?? [])")
        var starts = [0]
        for document in documents { starts.append(starts[starts.count - 1] + document.count) }
        storage = .memory(documents.flatMap { $0 }, starts: starts)
        count = starts[documents.count]
        documentCount = documents.count
        var pools: [TokenFile.Pool] = []
        for index in documents.indices {
            let weight = weights?[index] ?? 1
            let isSame = pools.last?.weight == weight
            let first = isSame ? pools.removeLast().documents.lowerBound : index
            pools.append(TokenFile.Pool(documents: first..<index + 1, weight: weight))
        }
        self.pools = pools
    }

    public init(_ file: TokenFile) {
        storage = .file(file)
        count = file.training.tokens
        documentCount = file.training.documents
        pools = file.pools
    }

    public var first: TokenID? {
        guard count > 0 else { return nil }
        var tokens: [TokenID] = []
        append(0..<1, to: &tokens)
        return tokens.first
    }

    /// The largest id, nil when there are no tokens.
    public var largest: TokenID? {
        switch storage {
        case .memory(let tokens, _): tokens.max()
        case .file(let file): count > 0 ? file.largestToken : nil
        }
    }

    /// Where a document begins; for the number behind the last one, where that ends.
    public func start(ofDocument document: Int) -> Int {
        switch storage {
        case .memory(_, let starts): starts[document]
        case .file(let file): min(count, file.start(ofDocument: document))
        }
    }

    /// Appends the tokens at `range` to `tokens`.
    ///
    /// - Precondition: there are such tokens.
    public func append(_ range: Range<Int>, to tokens: inout [TokenID]) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count)")
        switch storage {
        case .memory(let all, _): tokens += all[range]
        case .file(let file): file.append(range, to: &tokens)
        }
    }
}
