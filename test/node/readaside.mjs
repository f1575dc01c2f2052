// Callers who read aside with the published Node.js SDK: node readaside.mjs HOST PORT CACHE KEY CALLERS. Each of them gets,
// and on a miss says so, takes 300 ms to load, and sets; what anybody gets in the end must be what was loaded.
import * as sdk from '@gomomento/sdk';

const [host, port, cache, key, callers] = process.argv.slice(2);
const client = await sdk.CacheClient.create({
  configuration: sdk.Configurations.Laptop.v1(new sdk.NoopMomentoLoggerFactory()).withClientTimeoutMillis(20_000),
  credentialProvider: new sdk.MomentoLocalProvider({hostname: host, port: Number(port)}),
  defaultTtlSeconds: 60,
});

async function readAside() {
  const got = await client.get(cache, key);
  if (got.type === 'Hit') {
    if (got.valueString() !== 'loaded') throw new Error(`got ${got.valueString()}`);
    return;
  }
  if (got.type !== 'Miss') throw new Error(`get: ${got}`);
  console.log('load');
  await new Promise((done) => setTimeout(done, 300));
  const set = await client.set(cache, key, 'loaded');
  if (set.type !== 'Success') throw new Error(`set: ${set}`);
}

await Promise.all(Array.from({length: Number(callers)}, readAside));
process.exit(0);
