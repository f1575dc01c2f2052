// Execution environments with the published Node.js SDK, each with a client of its own: node crowd.mjs HOST PORT COUNT.
// For each line CACHE MODE ORIGIN SPREAD_MS on standard input they come within that time, want the item "hot", and in
// mode aside load what they miss from the origin and set it; in mode local they share nothing. A line of JSON tells what became of them.
import * as readline from 'node:readline';
import * as http from 'node:http';
import * as sdk from '@gomomento/sdk';

const [host, port, count] = process.argv.slice(2);
const credentialProvider = new sdk.MomentoLocalProvider({hostname: host, port: Number(port)});
const configuration = sdk.Configurations.Laptop.v1(new sdk.NoopMomentoLoggerFactory()).withClientTimeoutMillis(30_000);
const clients = [];
for (let i = 0; i < Number(count); i++) {
  clients.push(await sdk.CacheClient.create({configuration, credentialProvider, defaultTtlSeconds: 60}));
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

const agent = new http.Agent({keepAlive: true, maxSockets: Infinity});
const load = url => new Promise((resolve, reject) => {
  http.get(url, {agent}, response => {
    let text = '';
    response.on('data', chunk => (text += chunk));
    response.on('end', () => resolve(text));
    response.on('error', reject);
  }).on('error', reject);
});

async function environment(client, cache, mode, origin, result) {
  const begun = performance.now();
  if (mode === 'local') {
    await load(origin);
    result.took.push(performance.now() - begun);
    return;
  }
  const got = await client.get(cache, 'hot');
  if (got instanceof sdk.CacheGet.Hit) {
    result.hits++;
    if (got.valueString() !== 'loaded') result.errors.push(`got ${got.valueString()}`);
  } else if (got instanceof sdk.CacheGet.Miss && mode === 'aside') {
    result.loads++;
    const value = await load(origin);
    result.took.push(performance.now() - begun);
    const set = await client.set(cache, 'hot', value);
    if (!(set instanceof sdk.CacheSet.Success)) result.errors.push(`${set}`);
    return;
  } else {
    result.errors.push(`${got}`);
  }
  result.took.push(performance.now() - begun);
}

console.log('ready');
for await (const line of readline.createInterface({input: process.stdin})) {
  const [cache, mode, origin, spread] = line.split(' ');
  const result = {hits: 0, loads: 0, took: [], errors: []};
  if (mode === 'warm') { // open every connection
    for (const [i, c] of clients.entries()) await c.get(cache, `warm-${i}`);
  } else {
    await Promise.all(clients.map(async (c, i) => {
      await sleep((i * Number(spread)) / clients.length);
      await environment(c, cache, mode, origin, result);
    }));
  }
  result.errors = result.errors.slice(0, 5);
  console.log(JSON.stringify(result));
}
process.exit(0);
