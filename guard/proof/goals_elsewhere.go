package proof

import "slices"

// elsewhere are the goals that no repetition shows.
func elsewhere() []Goal {
	return []Goal{
		{
			Name: "P13", Asks: "the vectors V1 to V6 of the paired tests, to 1e-9", Elsewhere: "held by tests",
			Tests: in("guard/stats/vectors_test.go", "TestVectorV1", "TestVectorV2", "TestVectorV3", "TestVectorV4", "TestVectorV5", "TestVectorV6"),
		},
		{
			Name: "G18", Asks: "histograms whose buckets are wider than the margin are held, and never promoted in silence", Elsewhere: "held by tests",
			Tests: in("guard/judge/binned_test.go", "TestBinned", "TestBinnedSaysWhatIsJudged"),
		},
		{
			Name: "G19", Asks: "a selftest on the user's own run tells the error rate, the detectable effect and what pairing cancels, and fails if 20 % more do not turn the verdict",
			Elsewhere: "held by tests; `firstbyte proof selftest`, run by `make proof` on a fresh run",
			Tests: slices.Concat(
				in("guard/proof/proof_test.go", "TestFlips", "TestSelftestSeesWhatIsPutIn"),
				in("guard_test.go", "TestSelftest"),
			),
		},
		{
			Name: "G16", Asks: "every vector of the other tests, to the precision that it is printed with", Elsewhere: "held by tests",
			Tests: vectors(),
		},
	}
}

func in(file string, names ...string) []Test {
	var tests []Test
	for _, name := range names {
		tests = append(tests, Test{file, name})
	}
	return tests
}

// vectors are the tests of the vectors of judging.md, section 2 and 3.
func vectors() []Test {
	var tests []Test
	for _, f := range []struct {
		file  string
		names []string
	}{
		{"mannwhitney", []string{"TestVectorA1", "TestVectorA2"}},
		{"vectors", []string{"TestVectorB1", "TestVectorB2", "TestVectorD", "TestVectorF"}},
		{"mixture", []string{"TestVectorCMixture", "TestVectorCRanks", "TestVectorCUnits"}},
		{"confseq", []string{"TestVectorCWidths", "TestVectorCDKWConstant", "TestVectorCStreams"}},
		{"halfnormal", []string{"TestVectorC2"}},
		{"betting", []string{"TestVectorDBetting"}},
		{"coin", []string{"TestVectorDMcNemar", "TestVectorDRate", "TestVectorEShare"}},
		{"poisson", []string{"TestVectorEPoisson"}},
		{"evalues", []string{"TestVectorFClosedMeans", "TestVectorFBenjaminiHochberg"}},
		{"sequential", []string{"TestVectorFOBrienFleming", "TestVectorFSpending"}},
		{"changepoint", []string{"TestVectorG"}},
		{"label", []string{"TestVectorLabel"}},
	} {
		tests = append(tests, in("guard/stats/"+f.file+"_test.go", f.names...)...)
	}
	return tests
}
