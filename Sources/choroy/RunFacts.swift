import ChoroySystem
import ChoroyTensor

/// `training/run.json`: what a report tells of a run beside its plan: command, machine, and how it
/// ended. Nothing in it decides how the run goes.
struct RunFacts {
    private let path: String
    private var members: [(key: String, value: JSONValue)] = []

    /// The facts of the run in `directory`, those of an earlier process included.
    init(directory: String) {
        path = FilePath.join(directory, "training/run.json")
        if let bytes = try? FileBytes.read(path, limit: 1 << 20),
            let object = try? JSONReader.parse(bytes, path: path).object
        {
            members = object.members
        }
    }

    /// Takes a fact in, in the place of one of the same name.
    mutating func set(_ key: String, _ value: JSONValue) {
        if let index = members.firstIndex(where: { $0.key == key }) {
            members[index].value = value
        } else {
            members.append((key, value))
        }
    }

    /// Where the run is computed.
    mutating func setMachine() {
        set(
            "machine",
            .object(
                JSONObject([
                    ("processor", .string(Machine.cpuName)),
                    ("cores", .integer(ThreadPool.processorCount)),
                    ("threads", .integer(ThreadPool.shared.threadCount)),
                    ("memory_bytes", .integer(Machine.memoryBytes)),
                ])))
    }

    /// Writes the file; a full disk is no reason to stop.
    func write() {
        let object = JSONValue.object(JSONObject(members))
        try? AtomicFile.write(JSONWriter.bytes(object, indentation: 2) + [10], to: path)
    }
}
