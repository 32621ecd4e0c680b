package gguf

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// The shape of the model. A row of every tensor is a multiple of 32 numbers, as
// the kernels of ggml have it.
const (
	layers  = 2
	width   = 64
	heads   = 4
	hidden  = 128
	context = 2048
)

// Kinds of tokens, as tokenizer.ggml.token_type has them.
const (
	normalToken  = 1
	unknownToken = 2
	controlToken = 3
	byteToken    = 6
)

// spoken are all words that the model says.
const spoken = `the a of and to in is that it was for on are as with his they at be this from have or by one had not but what all
were when we there can an your which their said if do will each about how up out them then she many some so these would other
into has more her two like him see time could no make than first been its who now people my made over did down only way find
use may water long little very after words called just where most know`

// WriteTiny writes a model of the llama architecture with two layers, some
// 110,000 random weights of the seed, and a SentencePiece vocabulary of the 256
// bytes and about a hundred words. Any text can be put to it. It says words alone,
// and hardly ever ends by itself: an answer is as long as it may be.
func WriteTiny(w io.Writer, seed uint64) error {
	tokens, kinds, scores := vocabulary()
	fields := []field{
		{"general.architecture", "llama"},
		{"general.name", "tiny"},
		{"general.alignment", uint32(alignment)},
		{"general.file_type", uint32(tensorFloat32)},
		{"llama.vocab_size", uint32(len(tokens))},
		{"llama.context_length", uint32(context)},
		{"llama.embedding_length", uint32(width)},
		{"llama.block_count", uint32(layers)},
		{"llama.feed_forward_length", uint32(hidden)},
		{"llama.rope.dimension_count", uint32(width / heads)},
		{"llama.attention.head_count", uint32(heads)},
		{"llama.attention.head_count_kv", uint32(heads)},
		{"llama.attention.layer_norm_rms_epsilon", float32(1e-5)},
		{"tokenizer.ggml.model", "llama"},
		{"tokenizer.ggml.tokens", tokens},
		{"tokenizer.ggml.scores", scores},
		{"tokenizer.ggml.token_type", kinds},
		{"tokenizer.ggml.unknown_token_id", uint32(0)},
		{"tokenizer.ggml.bos_token_id", uint32(1)},
		{"tokenizer.ggml.eos_token_id", uint32(2)},
	}
	return write(w, fields, weights(rand.New(rand.NewPCG(seed, 0)), kinds))
}

// vocabulary returns the tokens with what they are. The first three have the
// places that llama.cpp expects, and the bytes spell what no word does.
func vocabulary() (tokens []string, kinds []int32, scores []float32) {
	add := func(token string, kind int32, score float32) {
		tokens, kinds, scores = append(tokens, token), append(kinds, kind), append(scores, score)
	}
	add("<unk>", unknownToken, 0)
	add("<s>", controlToken, 0)
	add("</s>", controlToken, 0)
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), byteToken, 0)
	}
	for i, word := range strings.Fields(spoken) {
		add("\u2581"+word, normalToken, -float32(i)) // SentencePiece's space comes first
	}
	return tokens, kinds, scores
}

// weights draws every tensor. The output of all tokens but words is zero, so that
// a word's logit, of a standard deviation of about 8, is nearly always above theirs.
func weights(random *rand.Rand, kinds []int32) []tensor {
	draw := func(name string, scale float64, dims ...uint64) tensor {
		n := uint64(1)
		for _, d := range dims {
			n *= d
		}
		t := tensor{name: name, dims: dims, data: make([]float32, n)}
		for i := range t.data {
			t.data[i] = float32(scale * random.NormFloat64())
		}
		return t
	}
	norm := func(name string) tensor {
		t := tensor{name: name, dims: []uint64{width}, data: make([]float32, width)}
		for i := range t.data {
			t.data[i] = 1
		}
		return t
	}
	words := uint64(len(kinds))
	all := []tensor{draw("token_embd.weight", 1, width, words)}
	for layer := range layers {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s.weight", layer, part) }
		all = append(
			all, norm(name("attn_norm")),
			draw(name("attn_q"), .1, width, width), draw(name("attn_k"), .1, width, width),
			draw(name("attn_v"), .1, width, width), draw(name("attn_output"), .1, width, width),
			norm(name("ffn_norm")),
			draw(name("ffn_gate"), .1, width, hidden), draw(name("ffn_up"), .1, width, hidden), draw(name("ffn_down"), .1, hidden, width),
		)
	}
	output := draw("output.weight", 1, width, words)
	for token, kind := range kinds {
		if kind != normalToken {
			clear(output.data[token*width : (token+1)*width])
		}
	}
	return append(all, norm("output_norm.weight"), output)
}
