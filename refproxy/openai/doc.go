// Package openai is the codec of OpenAI's Chat Completions and Responses as a
// server speaks them: it decodes requests and encodes answers, streams, errors
// and lists of models.
//
// A request is decoded into two values: the canonical request, and a reply
// ([ChatReply], [ResponsesReply]) that holds what the answer has to know of it.
// Responses are stateless: nothing is stored, so what refers to an earlier
// answer is refused.
//
// Top-level fields nobody knows are carried along; those that would change the
// answer are refused by name, and docs/wire.md lists them all. Below the top
// level nothing unknown is passed over.
//
// Signatures of the upstream live in the ids of calls ([chat.JoinID]) and, in
// Responses, in the encrypted_content of reasoning items.
package openai
