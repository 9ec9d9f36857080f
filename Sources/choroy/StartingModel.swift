import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

/// The model that `choroy train --from` goes on with: its sizes, its tokenizer and its weights.
struct StartingModel {
    let base: TrainingRecord.Base
    let config: TransformerConfig
    let tokenizer: Tokenizer

    /// - Throws: `FileError` when the directory holds no model in floats.
    init(at path: String) throws {
        let directory = try ModelDirectory(contentsOf: path)
        guard directory.config.quantizationConfig == nil else {
            throw FileError(path, expected: "a model in floats", found: "one in bytes")
        }
        config = directory.config
        tokenizer = directory.tokenizer
        base = try TrainingRecord.Base(of: path)
    }

    /// `request` with what it leaves open and the model decides: its context, and the batch and
    /// learning rate of the preset that is nearest in width.
    func settle(_ request: TrainingRequest) throws -> TrainingRequest {
        var request = request
        let longest = config.maxPositionEmbeddings
        if let context = request.context, context > longest {
            throw ValidationError(
                "--context: expected at most the model's \(longest), found \(context)")
        }
        request.context = request.context ?? longest
        let near = Preset.allCases.last { $0.shape.hiddenSize <= config.hiddenSize }
        request.preset = near ?? .nano
        request.batchTokens =
            request.batchTokens ?? max(request.context ?? longest, request.chosenPreset.batchTokens)
        return request
    }
}
