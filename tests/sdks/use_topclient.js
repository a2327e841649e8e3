// npm node-taobao-topclient: makes the calls of a plan (on standard input) and prints what it
// made of the answers.
'use strict';
const TopClient = require('node-taobao-topclient').default;

const plan = JSON.parse(require('fs').readFileSync(0, 'utf8'));

async function make({ app_key, app_secret, method, params, how }) {
  const client = new TopClient({ appkey: app_key, appsecret: app_secret, REST_URL: plan.url });
  try {
    return { answer: await client.execute(method, params, how === 'get' ? 'GET' : 'POST') };
  } catch (error) {
    if (!error || error.name !== 'TOPClientError') throw error;
    return { error: { code: error.code, sub_code: error.sub_code, text: error.message } };
  }
}

(async () => {
  const told = [];
  for (const call of plan.calls) told.push(await make(call));
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
})();
