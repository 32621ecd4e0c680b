package chart

import _ "embed"

//go:embed page.css
var pageStyle string

// PageStyle is the style sheet of every page of HTML that holds these pictures:
// it follows the reader's light or dark setting, fits a phone and prints.
func PageStyle() string { return pageStyle }
