// Read-aside over a slow source, with Momento's published Node.js SDK and nothing of hearth's own.
// Run it with `make demo`, or against a running hearth: node main.mjs [host] [port]
import { CacheClient, CacheGetResponse, Configurations, CreateCacheResponse, MomentoLocalProvider } from '@gomomento/sdk';

const [hostname = '127.0.0.1', port = '8080'] = process.argv.slice(2);
const cache = 'products';

// The source of truth: a database that takes its time.
async function loadFromDatabase(id) {
  await new Promise(resolve => setTimeout(resolve, 400));
  return JSON.stringify({ id, name: 'Launch-day sneaker', price: 129 });
}

// Read-aside: ask the cache first; on a miss load from the source and leave it in the cache for everybody else.
async function product(client, id) {
  const cached = await client.get(cache, id);
  if (cached.type === CacheGetResponse.Hit) {
    return { from: 'cache', body: cached.valueString() };
  }
  const body = await loadFromDatabase(id);
  await client.set(cache, id, body, { ttl: 60 });
  return { from: 'database', body };
}

const client = await CacheClient.create({
  configuration: Configurations.Laptop.v1(),
  credentialProvider: new MomentoLocalProvider({ hostname, port: Number(port) }),
  defaultTtlSeconds: 60,
});
const created = await client.createCache(cache);
if (created.type === CreateCacheResponse.Error) throw created.innerException();

for (const call of ['first', 'second', 'third']) {
  const start = performance.now();
  const { from, body } = await product(client, 'sneaker-42');
  const millis = (performance.now() - start).toFixed(1).padStart(6);
  console.log(`${call.padEnd(6)} call: ${millis} ms, from the ${from}: ${body}`);
}
client.close();
