import ChoroySystem
import ChoroyTensor
import Testing

/// What must hold with the kernels of every CPU type. The table of kernels is one for the whole
/// process, so each type has a process of its own and disturbs no other test.
@Suite struct `Every CPU type` {
    @Test(arguments: CPUType.available)
    func `gives the values of the reference`(_ type: CPUType) async {
        await #expect(processExitsWith: .success) { [name = type.rawValue as String] in
            try useKernels(name)
            for size in [1, 7, 16, 17, 33, 65, 129] {
                expectLinear(rows: 5, outputs: size, depth: 33)
                expectLinear(rows: size, outputs: 20, depth: size)
                expectElementwise(rows: 3, width: size)
                expectCrossEntropy(rows: size, vocabulary: size, depth: 5)
            }
            for headDim in [2, 8, 16, 20, 64] {
                expectAttention(lengths: [1, 5, 64, 65, 130], heads: 4, keyValueHeads: 2, headDim)
                expectByteAttention(
                    lengths: [1, 5, 64, 65, 130], heads: 4, keyValueHeads: 2, headDim)
            }
        }
    }

    @Test(arguments: CPUType.available)
    func `gives the gradients of the reference`(_ type: CPUType) async {
        await #expect(processExitsWith: .success) { [name = type.rawValue as String] in
            try useKernels(name)
            for gradientCase in GradientCase.allCases { gradientCase.check() }
        }
    }

    @Test(arguments: CPUType.available)
    func `gives a row the same bits alone and among others`(_ type: CPUType) async {
        await #expect(processExitsWith: .success) { [name = type.rawValue as String] in
            try useKernels(name)
            for (outputs, depth) in [(1, 1), (65, 33), (100, 129), (64, 1500), (23, 640)] {
                expectSameRows(outputs: outputs, depth: depth)
            }
            for headDim in [2, 16, 20, 64] {
                expectSameQueries(headDim: headDim)
                expectSameQueries(headDim: headDim, cacheType: .int8)
            }
        }
    }

    @Test func `is what its name says`() {
        for type in CPUType.available { #expect(CPUType(rawValue: type.rawValue) == type) }
        #expect(CPUType.portable.isAvailable)
        #expect(Kernels.fastest == CPUType.available.last)
    }
}

func useKernels(_ name: String) throws {
    Kernels.use(try #require(CPUType(rawValue: name)))
    #expect(Kernels.current.rawValue == name)
}
