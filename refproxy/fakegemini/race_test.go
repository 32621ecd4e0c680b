//go:build race

package fakegemini_test

const raceDetector = true
