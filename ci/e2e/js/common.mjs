// What every client of these tests is told, and how it tells what it saw: one
// line of JSON for each step.
export const url = process.env.E2E_URL;
export const key = process.env.E2E_KEY;
export const model = process.env.E2E_MODEL;
export const say = (step, seen) => console.log(JSON.stringify({ step, ...seen }));
