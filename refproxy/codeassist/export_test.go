package codeassist

// ProjectID is the reading of a project in any shape, for the fuzz test.
var ProjectID = projectID
