// The official OpenAI client, over chat completions and over responses: a stream,
// tools, structured output.
import OpenAI from 'openai';
import { say, model, url, key } from './common.mjs';

const client = new OpenAI({ baseURL: url + '/v1', apiKey: key, maxRetries: 0 });
const user = (content) => [{ role: 'user', content }];
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const schema = { type: 'object', properties: { city: { type: 'string' }, sunny: { type: 'boolean' } }, required: ['city', 'sunny'], additionalProperties: false };

let deltas = 0;
const stream = client.chat.completions
  .stream({ model, messages: user('Say hello.'), stream_options: { include_usage: true } })
  .on('content', () => deltas++);
const hello = await stream.finalChatCompletion();
say('chat stream', { text: hello.choices[0].message.content, deltas, stop: hello.choices[0].finish_reason, usage: hello.usage });

const cities = [];
const runner = client.chat.completions.runTools({
  model, messages: user('How is the weather in Paris and Rome?'), stream: true,
  tools: [{ type: 'function', function: {
    name: 'weather', description: 'Tells the weather of a city.', parameters, parse: JSON.parse,
    function: ({ city }) => { cities.push(city); return `sunny in ${city}`; },
  } }],
});
say('chat tools', { text: await runner.finalContent(), cities });

const formatted = await client.chat.completions.parse({
  model, messages: user('Give me Paris as JSON.'),
  response_format: { type: 'json_schema', json_schema: { name: 'weather', strict: true, schema } },
});
say('chat structured', { answer: JSON.parse(formatted.choices[0].message.content) });

let text = '';
const responses = client.responses.stream({ model, input: 'Say hello.' }).on('response.output_text.delta', (e) => { text += e.delta; });
const whole = await responses.finalResponse();
say('responses stream', { text, whole: whole.output.flatMap((item) => item.content ?? []).map((part) => part.text).join(''), status: whole.status, usage: whole.usage });

const tools = [{ type: 'function', name: 'weather', description: 'Tells the weather of a city.', parameters, strict: true }];
const question = user('How is the weather in Paris and Rome?');
const called = await client.responses.create({ model, input: question, tools });
const calls = called.output.filter((item) => item.type === 'function_call');
const answered = await client.responses.create({
  model, tools,
  input: [...question, ...called.output, ...calls.map((c) => ({ type: 'function_call_output', call_id: c.call_id, output: 'sunny in ' + JSON.parse(c.arguments).city }))],
});
say('responses tools', { cities: calls.map((c) => JSON.parse(c.arguments).city), text: answered.output_text });

const json = await client.responses.create({ model, input: 'Give me Paris as JSON.', text: { format: { type: 'json_schema', name: 'weather', strict: true, schema } } });
say('responses structured', { answer: JSON.parse(json.output_text) });
