// npm topsdk: makes the calls of a plan (on standard input) and prints what it made of the answers.
'use strict';
const TopClient = require('topsdk');
const { PassThrough } = require('stream');

const plan = JSON.parse(require('fs').readFileSync(0, 'utf8'));

// As the answer came: the SDK's way to other formats than JSON.
function piped(client, { method, params }) {
  return new Promise((resolve, reject) => {
    const stream = new PassThrough();
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    stream.on('error', reject);
    client.execute(method, params).pipe(stream);
  });
}

async function make(call) {
  const options = { useValidators: false, rawResponse: call.how === 'raw' };
  const client = new TopClient(call.app_key, call.app_secret, plan.url, options);
  if (call.how === 'pipe') return { answer: await piped(client, call) };
  try {
    const type = call.how === 'get' ? 'get' : undefined;
    return { answer: await client.execute(call.method, call.params, type) };
  } catch (error) {
    if (error.name !== 'TOPClientError') throw error;
    return { error: { code: error.code, sub_code: error.sub_code, text: error.message } };
  }
}

(async () => {
  const told = [];
  for (const call of plan.calls) told.push(await make(call));
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
})();
