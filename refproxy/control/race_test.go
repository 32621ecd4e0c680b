//go:build race

package control_test

// many is fewer of them under the race detector, where an embedded database is
// thirty times as slow.
const many = 400
