// The official Google client over the Gemini routes: a stream, tools, structured
// output.
import { GoogleGenAI, Type } from '@google/genai';
import { say, model, url, key } from './common.mjs';

const ai = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });

let text = '', chunks = 0, usage;
for await (const chunk of await ai.models.generateContentStream({ model, contents: 'Say hello.' })) {
  chunks++;
  text += chunk.text ?? '';
  usage = chunk.usageMetadata ?? usage;
}
say('stream', { text, chunks, usage });

const cities = [];
const chat = ai.chats.create({ model, config: { tools: [{ functionDeclarations: [{
  name: 'weather', description: 'Tells the weather of a city.',
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ['city'] },
}] }] } });
let answer = await chat.sendMessage({ message: 'How is the weather in Paris and Rome?' });
while (answer.functionCalls?.length) {
  answer = await chat.sendMessage({ message: answer.functionCalls.map(({ id, name, args }) => {
    cities.push(args.city);
    return { functionResponse: { id, name, response: { output: `sunny in ${args.city}` } } };
  }) });
}
say('tools', { cities, text: answer.text });

const formatted = await ai.models.generateContent({ model, contents: 'Give me Paris as JSON.', config: {
  responseMimeType: 'application/json',
  responseSchema: { type: Type.OBJECT, properties: { city: { type: Type.STRING }, sunny: { type: Type.BOOLEAN } }, required: ['city', 'sunny'] },
} });
say('structured', { answer: JSON.parse(formatted.text) });

const counted = await ai.models.countTokens({ model, contents: 'Count me.' });
say('count', { counted: counted.totalTokens > 0 });
