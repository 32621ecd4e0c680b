// A server of the Model Context Protocol over standard input and output, by hand:
// one tool whose schema has what real tools send and no upstream takes as it is. It
// writes the arguments of each call to the file in its first argument.
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const hard = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  additionalProperties: false,
  $defs: { node: { type: 'object', properties: { name: { type: 'string', format: 'uri' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } } } },
  properties: {
    properties: { type: 'string', description: 'A property that is called so.' },
    tree: { $ref: '#/$defs/node', description: 'A tree.' },
    mode: { const: 'fast' },
    level: { type: ['integer', 'null'], exclusiveMinimum: 0, multipleOf: 2 },
    choice: { oneOf: [{ const: 'a' }, { const: 'b' }, { type: 'null' }] },
    both: { allOf: [{ type: 'object', properties: { x: { type: 'number' } } }, { type: 'object', properties: { y: {} }, required: ['y'] }] },
    map: { type: 'object', additionalProperties: { type: 'string' }, propertyNames: { pattern: '^[a-z]+$' }, patternProperties: { '^x-': {} } },
    pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
    size: { type: 'number', enum: [1, 2, 3], default: 1 },
  },
  required: ['properties', 'tree'],
};

const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'hard', version: '1.0.0' } }),
  ping: () => ({}),
  'tools/list': () => ({ tools: [{ name: 'hard.tool', description: 'A tool with a hard schema.', inputSchema: hard }] }),
  'tools/call': (params) => {
    appendFileSync(process.argv[2], JSON.stringify(params.arguments) + '\n');
    return { content: [{ type: 'text', text: 'the hard tool was called' }] };
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return; // a notification
  const answer = answers[method];
  const reply = answer ? { result: answer(params) } : { error: { code: -32601, message: `no method ${method}` } };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, ...reply }) + '\n');
});
