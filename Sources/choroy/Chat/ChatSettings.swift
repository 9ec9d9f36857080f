package import ChoroyGeneration

/// What `/set` can change.
package enum ChatSetting: String, CaseIterable, Sendable {
    case temperature
    case topK = "top-k"
    case topP = "top-p"
    case minP = "min-p"
    case repeatPenalty = "repeat-penalty"
    case repeatWindow = "repeat-window"
    case seed
    case maxTokens = "max-tokens"
    case system, verbose, wordwrap, probabilities

    /// Whether it is on or off.
    var isSwitch: Bool { self == .verbose || self == .wordwrap || self == .probabilities }
}

/// How replies are made and shown.
package struct ChatSettings: Sendable, Equatable {
    package var sampling: SamplingParameters
    package var maxTokens: Int
    package var system: String?
    /// Tells after each reply what was read and written, and how fast.
    package var verbose = false
    package var wordwrap = true
    package var probabilities = false

    package init(sampling: SamplingParameters, maxTokens: Int, system: String? = nil) {
        self.sampling = sampling
        self.maxTokens = maxTokens
        self.system = system
    }

    /// Why a setting cannot have a value.
    package struct Refusal: Error, CustomStringConvertible, Equatable {
        package let description: String
    }

    package func text(of setting: ChatSetting) -> String {
        switch setting {
        case .temperature: "\(sampling.temperature)"
        case .topK: "\(sampling.topK)"
        case .topP: "\(sampling.topP)"
        case .minP: "\(sampling.minP)"
        case .repeatPenalty: "\(sampling.repeatPenalty)"
        case .repeatWindow: "\(sampling.repeatWindow)"
        case .seed: "\(sampling.seed)"
        case .maxTokens: "\(maxTokens)"
        case .system: system ?? "off"
        case .verbose: verbose ? "on" : "off"
        case .wordwrap: wordwrap ? "on" : "off"
        case .probabilities: probabilities ? "on" : "off"
        }
    }

    package mutating func set(_ setting: ChatSetting, to text: String) throws(Refusal) {
        var changed = self
        switch setting {
        case .temperature: changed.sampling.temperature = try number(setting, text)
        case .topK: changed.sampling.topK = try integer(setting, text)
        case .topP: changed.sampling.topP = try number(setting, text)
        case .minP: changed.sampling.minP = try number(setting, text)
        case .repeatPenalty: changed.sampling.repeatPenalty = try number(setting, text)
        case .repeatWindow: changed.sampling.repeatWindow = try integer(setting, text)
        case .seed:
            let seed = try integer(setting, text)
            guard seed >= 0 else { throw refusal(setting, "a whole number from 0", text) }
            changed.sampling.seed = UInt64(seed)
        case .maxTokens:
            changed.maxTokens = try integer(setting, text)
            if changed.maxTokens < 1 { throw refusal(setting, "a whole number from 1", text) }
        case .system: changed.system = text == "off" ? nil : text
        case .verbose: changed.verbose = try isOn(setting, text)
        case .wordwrap: changed.wordwrap = try isOn(setting, text)
        case .probabilities: changed.probabilities = try isOn(setting, text)
        }
        do {
            try changed.sampling.validate()
        } catch {
            throw Refusal(description: "\(error)")
        }
        self = changed
    }

    private func refusal(_ setting: ChatSetting, _ expected: String, _ text: String) -> Refusal {
        Refusal(description: "\(setting.rawValue): expected \(expected), found \(text)")
    }

    private func number(_ setting: ChatSetting, _ text: String) throws(Refusal) -> Double {
        guard let number = Double(text), number.isFinite else {
            throw refusal(setting, "a number", text)
        }
        return number
    }

    private func integer(_ setting: ChatSetting, _ text: String) throws(Refusal) -> Int {
        guard let number = Int(text) else { throw refusal(setting, "a whole number", text) }
        return number
    }

    private func isOn(_ setting: ChatSetting, _ text: String) throws(Refusal) -> Bool {
        switch text.lowercased() {
        case "on", "true", "yes", "1": true
        case "off", "false", "no", "0": false
        default: throw refusal(setting, "on or off", text)
        }
    }
}
