// ioredis (one node and cluster), node-redis (RESP 2 and 3) and node-memcached, as their users have them, against hearth.
import Redis from 'ioredis';
import {createClient} from 'redis';
import Memcached from 'memcached';
import {promisify} from 'node:util';

const [redisAddr, memcacheAddr] = process.argv.slice(2);
const [host, port] = redisAddr.split(':');
let checks = 0;
const same = (what, got, want) => {
  checks++;
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (g !== w) throw new Error(`${what}: got ${g}, want ${w}`);
};

async function useIORedis(c, name) {
  await c.set(`{${name}}k`, 'v', 'EX', 60);
  same(`${name} get`, await c.get(`{${name}}k`), 'v');
  same(`${name} none`, await c.get(`{${name}}none`), null);
  await c.hset(`{${name}}h`, {a: '1', b: '2'});
  same(`${name} hgetall`, await c.hgetall(`{${name}}h`), {a: '1', b: '2'});
  await c.zadd(`{${name}}z`, 1.5, 'm', 2, 'n');
  same(`${name} zrange`, await c.zrange(`{${name}}z`, 0, -1, 'WITHSCORES'), ['m', '1.5', 'n', '2']);
  same(`${name} pipeline`, await c.pipeline().incr(`{${name}}n`).incr(`{${name}}n`).exec(), [[null, 1], [null, 2]]);
  same(`${name} multi`, await c.multi().set(`{${name}}m`, '1').get(`{${name}}m`).exec(), [[null, 'OK'], [null, '1']]);
  const error = await c.lpush(`{${name}}k`, 'x').catch((e) => e.message);
  same(`${name} error`, error, 'WRONGTYPE Operation against a key holding the wrong kind of value');
}

const one = new Redis({host, port: +port});
await useIORedis(one, 'ioredis');
const listener = one.duplicate();
const heard = new Promise((resolve) => listener.on('message', (channel, text) => resolve([channel, text])));
await listener.subscribe('news');
same('ioredis publish', await one.publish('news', 'hello'), 1);
same('ioredis message', await heard, ['news', 'hello']);
listener.disconnect();
one.disconnect();

const cluster = new Redis.Cluster([{host, port: +port}]);
await useIORedis(cluster, 'cluster');
cluster.disconnect();

const node = createClient({url: `redis://${redisAddr}`});
await node.connect();
await node.set('nk', 'v', {PX: 60000});
same('node-redis get', await node.get('nk'), 'v');
await node.sAdd('ns', ['a', 'b']);
same('node-redis sMembers', (await node.sMembers('ns')).sort(), ['a', 'b']);
same('node-redis multi', await node.multi().incr('nn').incr('nn').exec(), [1, 2]);
const found = [];
for await (const k of node.scanIterator({MATCH: 'n*'})) found.push(k);
same('node-redis scan', found.sort(), ['nk', 'nn', 'ns']);
await node.quit();

if (memcacheAddr) {
  const m = new Memcached(memcacheAddr);
  const call = (name, ...args) => promisify(m[name]).call(m, ...args);
  same('memcached set', await call('set', 'mk', 'v', 60), true);
  same('memcached get', await call('get', 'mk'), 'v');
  same('memcached getMulti', await call('getMulti', ['mk', 'none']), {mk: 'v'});
  same('memcached del', await call('del', 'mk'), true);
  m.end();
}
console.log(`${checks} checks`);
process.exit(0);
