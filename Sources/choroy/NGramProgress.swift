import ChoroyModel

/// How far long work on an n-gram model has come: a progress line for each of its stages.
struct NGramProgress {
    private var stage: NGramStage?
    private var line = Progress("", total: 0, unit: "")

    mutating func update(_ stage: NGramStage, _ done: Int, _ total: Int) {
        if stage != self.stage {
            line.clear()
            self.stage = stage
            line = Progress("\(stage)", total: total, unit: stage.unit)
        }
        line.update(done)
    }

    /// Takes the line from the screen.
    mutating func clear() { line.clear() }
}
