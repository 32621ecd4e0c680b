// Package fakeaccount is the accounts' side of the simulated upstream: the token
// endpoint of Google's OAuth, and what Code Assist asks of an account before it
// answers.
//
//	POST /token                        a grant      -> an access token, for a while
//	POST /v1internal:loadCodeAssist    a token      -> tiers, project, what closes them
//	POST /v1internal:onboardUser       a tier       -> an operation
//	GET  /v1internal/operations/...    its name     -> the operation, done after some polls
//	POST /v1internal:retrieveUserQuota the project  -> what is left per model
//
// Tokens that it has not given, or whose time is over, are refused. It asks the
// clock of package time, so that a test may turn it.
//
// # Configuration
//
// All keys are optional; defaults in brackets.
//
//	tokens:
//	  life: 1h             # of an access token [1h]
//	  rotate: false        # every refresh gives a new refresh token and voids the old one
//	  refuse:              # grants that are refused [none]
//	    code: invalid_grant    # OAuth's word
//	    status: 400            # HTTP [400]
//	    after: 0               # grants that are given before
//	    times: 0               # grants that are refused; 0: all from then on
//	code_assist:
//	  project: NAME        # the account's project [simulated-project]
//	  project_shape: id    # how it is told: id, path, location, list, none, blank, or an
//	                       # object's key: projectId, project_id, id, name, project [id]
//	  onboarding: false    # the account has no tier until it was onboarded
//	  tier: standard-tier  # what it has otherwise [standard-tier]
//	  tiers:               # that it may have [free-tier, the default]
//	    - {id: standard-tier, default: true, user_project: true}
//	  ineligible:          # tiers that are closed to it [none]
//	    - {tier: free-tier, reason: VALIDATION_REQUIRED, message: Verify., url: "https://a.test/?x"}
//	  polls: 3             # until onboarding is done; 0: at once
//	  nameless: false      # the operation has no name: onboardUser is asked again
//	  onboarding_error: X  # what onboarding ends with instead of a project [none]
//
// A refresh token that begins with "revoked" is always an invalid_grant. Of a
// service account's assertion everything is checked but the signature itself:
// nobody has told the simulator a key.
package fakeaccount
