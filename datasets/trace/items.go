package trace

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

// Kind is that of the items made of a trace.
const Kind datasets.Kind = "trace"

// ItemID names the item of the i-th row by its line in the file.
func (t *Trace) ItemID(i int) string { return fmt.Sprintf("trace-%06d", t.Rows[i].line) }

// Set returns an item for every row, without its text: a day of traffic has
// gigabytes of it. Fill makes it when it is needed.
func (t *Trace) Set() *datasets.Set {
	items := make([]datasets.Item, len(t.Rows))
	for i := range items {
		items[i] = datasets.Item{ID: t.ItemID(i), Kind: Kind, MaxTokens: t.Rows[i].Output}
	}
	return datasets.New(t.Name, t.Hash, items)
}

// Describe says what of the trace is replayed, in words.
func (t *Trace) Describe() string {
	parts := append([]string{fmt.Sprintf("%s trace, %d of %d requests", t.Format, len(t.Rows), t.Total)}, t.notes...)
	if t.Left > 0 {
		parts = append(parts, fmt.Sprintf("%d without tokens left out", t.Left))
	}
	return strings.Join(parts, "; ")
}

// Fill returns the func that makes the text of an item of Set: a single message
// of the user of about as many tokens as the trace says, taking one common
// English word for one token. That is an estimate: the target's own count is in
// the run file's usage. The words are drawn by the seed and the row, or by the
// row's prefix blocks, so that prompts share what they shared in the trace.
func (t *Trace) Fill(seed uint64) func(datasets.Item) datasets.Item {
	at := make(map[string]int, len(t.Rows))
	for i := range t.Rows {
		at[t.ItemID(i)] = i
	}
	return func(item datasets.Item) datasets.Item {
		i, ok := at[item.ID]
		if !ok {
			return item
		}
		item.Messages = []datasets.Message{{Role: "user", Content: t.text(i, seed)}}
		return item
	}
}

// text is the prompt of a row as a JSON string literal.
func (t *Trace) text(i int, seed uint64) json.RawMessage {
	row := &t.Rows[i]
	p := prose{left: row.Input, out: []byte{'"'}}
	for _, block := range row.Blocks {
		p.add(rand.NewPCG(seed, uint64(block)), t.Block)
	}
	p.add(rand.NewPCG(seed+1, uint64(row.line)), p.left)
	return append(p.out, '"')
}

// Words is a text of n of the words that prompts are made of, drawn by the seed.
func Words(seed uint64, n int) string {
	p := prose{left: n}
	p.add(rand.NewPCG(seed, 0), n)
	return string(p.out)
}

// A prose is words in the making.
type prose struct {
	left int // words that may still come
	out  []byte
}

func (p *prose) add(source *rand.PCG, most int) {
	for range min(most, p.left) {
		if last := len(p.out) - 1; last >= 0 && p.out[last] != '"' {
			p.out = append(p.out, ' ')
		}
		p.out = append(p.out, words[source.Uint64()%uint64(len(words))]...)
		p.left--
	}
}

// words are common and short, such as any vocabulary has in one piece.
var words = strings.Fields(`about above after again air all along also always animal another answer any around ask
away back bad bank base bed before begin best better big bird black blue boat body book both box boy bring brother
build call can car care carry case cat cause change child city class clear close cold come cook cool corn could
country cross cut dark day deep did different dog door down draw dry each early earth east easy eat end enough even
ever every eye face fact fall family far farm fast father feet few field find fire first fish five fly follow food
foot form four free friend from full game girl give glass go gold good great green ground group grow half hand happy
hard have head hear heart heat help here high hill hold home horse hot hour house how idea ice inch island just keep
key kind king know lake land large last late laugh lead learn leave left leg less letter life light like line list`)
