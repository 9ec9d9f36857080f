import ChoroyText
import ChoroyTraining
import Testing

@Suite struct `Learning by heart` {
    let text: [TokenID] = [1, 2, 3, 4, 5, 6, 1, 2, 3, 9, 1, 2, 3, 4]

    @Test func `spans that the text has are found, with the longest`() {
        let memorization = Memorization(training: text, spanLength: 3)
        let found = memorization.verbatim([[7, 2, 3, 4, 5, 7, 7, 7], [8, 8]])
        #expect(found.share == 0.4 && found.longest == [2, 3, 4, 5])
        #expect(memorization.verbatim([[3, 2, 1], [1, 2]]).share == 0)
        #expect(memorization.verbatim([]).share == 0)
        #expect(memorization.verbatim([text]).share == 1)
    }

    @Test func `predictions are explained by what follows the longest context most often`() {
        let memorization = Memorization(training: text)
        // 1 2 3 is followed by 4 twice and by 9 once; 9 by 1; 7 is unknown.
        #expect(memorization.explained([2, 3, 4], after: [1, 2, 3]) == 1)
        #expect(memorization.explained([2, 3, 9], after: [1, 2, 3]) == 2.0 / 3)
        #expect(memorization.explained([1], after: [9]) == 1)
        #expect(memorization.explained([1], after: [7]) == 0)
    }

    @Test func `a leap of the loss is a spike, noise and the first fall are not`() {
        var watch = LossWatch()
        for step in 0..<200 {
            let loss = 2 + 8 / Double(step + 1) + (step % 2 == 0 ? 0.05 : -0.05)
            #expect(watch.expected(insteadOf: loss) == nil)
        }
        let expected = watch.expected(insteadOf: 5)
        #expect(expected.map { 1.9...2.4 ~= $0 } == true && watch.spikes == 1)
        #expect(watch.expected(insteadOf: 2.05) == nil)
        #expect(watch.expected(insteadOf: 6) != nil && watch.spikes == 2)
        #expect(watch.expected(insteadOf: .nan) == nil)
    }
}
