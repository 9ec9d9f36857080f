#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Facts about the machine and this process.
public enum Machine {
    /// Seconds on a clock that only moves forward.
    public static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// The memory this process holds, and what of it are pages of files, in bytes; where the system does not say, the
    /// most it has held.
    public static var residentBytes: (all: Int, ofFiles: Int) {
        // "size resident shared …" in pages.
        let text = (try? FileBytes.read("/proc/self/statm", limit: 256)) ?? []
        let fields = text.split(separator: 32).map { Int(String(decoding: $0, as: UTF8.self)) }
        guard fields.count > 2, let all = fields[1], let ofFiles = fields[2] else {
            return (peakResidentBytes, peakResidentBytes)
        }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        return (all * page, ofFiles * page)
    }

    /// The most memory this process has held, in bytes.
    public static var peakResidentBytes: Int {
        var usage = rusage()
        #if canImport(Glibc)
            unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return Int(usage.ru_maxrss) * 1024
        #else
            unsafe getrusage(RUSAGE_SELF, &usage)
            return Int(usage.ru_maxrss)
        #endif
    }
}

extension Machine {
    /// The processor's name, as the system gives it.
    public static var cpuName: String {
        #if canImport(Glibc)
            guard let bytes = try? FileBytes.read("/proc/cpuinfo", limit: 1 << 24) else {
                return "unknown processor"
            }
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            where line.hasPrefix("model name") {
                let name = line.drop { $0 != ":" }.dropFirst()
                return String(name.drop { $0 == " " })
            }
            return "unknown processor"
        #else
            var size = 0
            unsafe sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
            var name = [UInt8](repeating: 0, count: size)
            unsafe sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
            return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        #endif
    }
}

extension Machine {
    /// Bytes of memory that this process may use: the machine's, or fewer in a container.
    public static var memoryBytes: Int {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let size = sysconf(Int32(_SC_PAGESIZE))
        let all = pages > 0 && size > 0 ? Int(pages) * Int(size) : Int.max
        #if canImport(Glibc)
            // Control groups, version 2; "max" when there is no limit.
            if let bytes = try? FileBytes.read("/sys/fs/cgroup/memory.max", limit: 32),
                let limit = Int(String(decoding: bytes.prefix { $0 > 32 }, as: UTF8.self))
            {
                return min(all, limit)
            }
        #endif
        return all
    }
}

extension Machine {
    /// The local time of day some seconds from now, as "14:05".
    public static func clock(after seconds: Double) -> String {
        var now = time(nil) + Int(seconds.isFinite ? min(max(seconds, 0), 1e9) : 0)
        var parts = unsafe tm()
        unsafe localtime_r(&now, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return unsafe "\(two(parts.tm_hour)):\(two(parts.tm_min))"
    }
}

extension Machine {
    /// Seconds since 1970.
    public static func unixTime() -> Int { time(nil) }

    /// Date and time of day here, as "2026-11-24_15-08-31": in order of time, and fit for a file's name.
    public static func dateAndTime(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = unsafe tm()
        unsafe localtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = unsafe [1900 + parts.tm_year, parts.tm_mon + 1, parts.tm_mday].map(two)
        let time = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map(two)
        return day.joined(separator: "-") + "_" + time.joined(separator: "-")
    }
}
