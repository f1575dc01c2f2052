// A subscriber with Momento's published Node.js SDK that is cut off and comes back: nothing within the topic's ring is
// missed, and what lies beyond it is told as one discontinuity. The connection runs through a proxy that can be cut. The
// publisher may use another gateway of the same fleet.
import net from 'node:net';
import {
  CacheClient, Configurations, MomentoLocalProvider, NoopMomentoLoggerFactory, TopicClient, TopicConfigurations,
  TopicPublish, TopicSubscribe,
} from '@gomomento/sdk';

const [host, port, publisherHost = host, publisherPort = port] = process.argv.slice(2);
const ring = 1024; // hearth.TopicRingMessagesMax

// A proxy to hearth. cut(true) ends its connections and refuses new ones.
const sockets = new Set();
let cut = false;
const proxy = net.createServer((down) => {
  if (cut) return down.destroy();
  const up = net.connect(Number(port), host);
  for (const s of [down, up]) {
    sockets.add(s);
    s.on('error', () => {});
    s.on('close', () => { sockets.delete(s); down.destroy(); up.destroy(); });
  }
  down.pipe(up).pipe(down);
});
await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
const setCut = (on) => {
  cut = on;
  if (on) for (const s of sockets) s.destroy();
};

const quiet = new NoopMomentoLoggerFactory();
const local = (host, port) => new MomentoLocalProvider({hostname: host, port: Number(port)});
const caches = new CacheClient({configuration: Configurations.Laptop.v1(quiet), credentialProvider: local(host, port), defaultTtlSeconds: 60});
const publisher = new TopicClient({configuration: TopicConfigurations.Default.latest(quiet), credentialProvider: local(publisherHost, publisherPort)});
const subscriber = new TopicClient({configuration: TopicConfigurations.Default.latest(quiet), credentialProvider: local(host, proxy.address().port)});
await caches.createCache('topics-test');

const items = [], gaps = [], errors = [];
let heartbeats = 0;
const subscription = await subscriber.subscribe('topics-test', 'news', {
  onItem: (i) => items.push([i.sequenceNumber(), i.valueString()]),
  onDiscontinuity: (d) => gaps.push([d.lastSequenceNumber(), d.newSequenceNumber()]),
  onHeartbeat: () => heartbeats++,
  onError: (e) => errors.push(e.toString()),
});
if (!(subscription instanceof TopicSubscribe.Subscription)) fail('subscribe', subscription.toString());

let published = 0;
async function publish(n) {
  for (let i = 0; i < n; i++) {
    const r = await publisher.publish('topics-test', 'news', `m${++published}`);
    if (!(r instanceof TopicPublish.Success)) fail('publish', r.toString());
  }
}

async function until(what, f) {
  const end = Date.now() + 20_000;
  while (!f()) {
    if (Date.now() > end) fail(what, {items: items.length, last: items.at(-1), gaps, heartbeats, errors});
    await new Promise((done) => setTimeout(done, 10));
  }
}

function fail(what, why) {
  console.error('FAILED:', what, why);
  process.exit(1);
}

// contiguous checks that every number from first to last came once and in order, with its own text.
function contiguous(from, first, last) {
  const got = items.slice(from);
  if (got.length !== last - first + 1) fail(`${first} to ${last}`, `${got.length} items came`);
  got.forEach(([n, text], i) => {
    if (n !== first + i || text !== `m${n}`) fail(`${first} to ${last}`, `item ${i} is ${n} ${text}`);
  });
}

const newest = () => items.at(-1)?.[0];

await publish(5);
await until('the first messages', () => newest() === 5);

setCut(true);
await publish(ring - 100);
setCut(false);
await until('the messages within the ring', () => newest() === published);
contiguous(0, 1, published);
if (gaps.length) fail('within the ring', {gaps});

setCut(true);
const seen = published;
await publish(ring + 200);
setCut(false);
await until('the messages beyond the ring', () => newest() === published);
contiguous(seen, published - ring + 1, published);
if (gaps.length !== 1 || gaps[0][0] !== seen || gaps[0][1] !== published - ring + 1) fail('beyond the ring', {gaps, seen, published});

// It goes on as if nothing had been, with heartbeats.
const beats = heartbeats;
await publish(3);
await until('the last messages', () => newest() === published && heartbeats > beats + 1);

// The end of the cache is the end of the subscription.
await caches.deleteCache('topics-test');
await until('the end', () => errors.some((e) => e.includes('NotFound') || e.includes('not found') || e.includes('NOT_FOUND')));
console.log(`${published} messages, ${items.length} received, ${gaps.length} discontinuity of ${gaps[0][1] - gaps[0][0] - 1}, ${heartbeats} heartbeats`);
process.exit(0);
