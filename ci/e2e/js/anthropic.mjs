// The official Anthropic client: a stream, its tool runner, structured output.
import Anthropic from '@anthropic-ai/sdk';
import { say, model, url, key } from './common.mjs';

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const ask = (text) => ({ model, max_tokens: 1024, messages: [{ role: 'user', content: text }] });

let deltas = 0;
const stream = client.messages.stream(ask('Say hello.')).on('text', () => deltas++);
const hello = await stream.finalMessage();
say('stream', { text: hello.content.map((b) => b.text).join(''), deltas, stop: hello.stop_reason, usage: hello.usage });

const cities = [];
const runner = client.beta.messages.toolRunner({
  ...ask('How is the weather in Paris and Rome?'),
  stream: true,
  tools: [{
    name: 'weather', description: 'Tells the weather of a city.',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    parse: (input) => input,
    run: async ({ city }) => { cities.push(city); return `sunny in ${city}`; },
  }],
});
let turns = 0;
for await (const turn of runner) {
  turns++;
  await turn.finalMessage();
}
const last = await runner.done();
say('tools', { cities, turns, text: last.content.filter((b) => b.type === 'text').map((b) => b.text).join('') });

const formatted = await client.beta.messages.create({
  ...ask('Give me Paris as JSON.'),
  output_config: { format: { type: 'json_schema', schema: { type: 'object', properties: { city: { type: 'string' }, sunny: { type: 'boolean' } }, required: ['city', 'sunny'], additionalProperties: false } } },
});
say('structured', { answer: JSON.parse(formatted.content[0].text) });

const { input_tokens } = await client.messages.countTokens({ model, messages: ask('Count me.').messages });
say('count', { counted: input_tokens > 0 });
