//go:build !race

package control_test

// many is the number of credential files of regression case 36.
const many = 4000
