// What an unmodified Momento SDK sees of hearth: every data operation, with the types of answers and errors that its
// users switch on. The Node.js and the web SDK have the same API, so both run this one list of calls.

// suite runs everything on clients of the SDK that the caller imported; it returns how much it checked. largest is the
// largest value that the SDK can send, refused one that hearth refuses; 0 where the SDK itself breaks before.
export async function suite(sdk, {cache: client, leaderboards}, {largest, refused}) {
  const cache = 'suite-' + Math.random().toString(36).slice(2);
  let checks = 0;

  const plain = (v) =>
    v instanceof Map ? Object.fromEntries([...v].map(([k, x]) => [k, plain(x)]))
    : v instanceof Set ? [...v].map(plain).sort()
    : Array.isArray(v) ? v.map(plain)
    : v;
  const same = (what, got, want) => {
    checks++;
    const [g, w] = [JSON.stringify(plain(got)), JSON.stringify(plain(want))];
    if (g !== w) throw new Error(`${what}: got ${g}, want ${w}`);
  };
  // is waits for an answer and checks its type, and a value in it where one is given.
  const is = async (what, promise, type, pick, want) => {
    const r = await promise;
    if (r.type !== type) throw new Error(`${what}: got ${r.type} ${r}, want ${type}`);
    checks++;
    if (pick) same(what, pick(r), want);
    return r;
  };
  const fails = (what, promise, code) => is(what, promise, 'Error', (r) => r.errorCode(), sdk.MomentoErrorCode[code]);
  const sorted = (list) => [...list].sort();

  await caches();
  await scalars();
  await conditions();
  await lives();
  await dictionaries();
  await lists();
  await sets();
  await sortedSets();
  await boards();
  await errors();
  await is('delete cache', client.deleteCache(cache), 'Success');
  await fails('get of deleted cache', client.get(cache, 'k'), 'CACHE_NOT_FOUND_ERROR');
  return checks;

  async function caches() {
    await is('create', client.createCache(cache), 'Success');
    await is('create again', client.createCache(cache), 'AlreadyExists');
    const r = await is('list', client.listCaches(), 'Success');
    const found = r.getCaches().find((c) => c.getName() === cache);
    same('limits', [found.getCacheLimits().maxItemSizeKb, found.getCacheLimits().maxTtlSeconds], [4883, 86400]);
    await is('set', client.set(cache, 'k', 'v'), 'Success');
    await is('flush', client.flushCache(cache), 'Success');
    await is('get flushed', client.get(cache, 'k'), 'Miss');
    await fails('delete unknown', client.deleteCache('no-such-cache'), 'CACHE_NOT_FOUND_ERROR');
    await fails('flush unknown', client.flushCache('no-such-cache'), 'CACHE_NOT_FOUND_ERROR');
  }

  async function scalars() {
    await is('get missing', client.get(cache, 'k'), 'Miss');
    await is('set', client.set(cache, 'k', 'v'), 'Success');
    await is('get', client.get(cache, 'k'), 'Hit', (r) => r.valueString(), 'v');
    const bytes = new Uint8Array([0, 255, 128, 10]);
    await is('set bytes', client.set(cache, bytes, bytes), 'Success');
    await is('get bytes', client.get(cache, bytes), 'Hit', (r) => [...r.valueUint8Array()], [...bytes]);
    await is('set empty', client.set(cache, 'empty', ''), 'Success');
    await is('get empty', client.get(cache, 'empty'), 'Hit', (r) => r.valueString(), '');
    await is('exists', client.keyExists(cache, 'k'), 'Success', (r) => r.exists(), true);
    await is('exist', client.keysExist(cache, ['k', 'nope', 'empty']), 'Success', (r) => r.exists(), [true, false, true]);
    await is('delete', client.delete(cache, 'k'), 'Success');
    await is('get deleted', client.get(cache, 'k'), 'Miss');
    await is('increment', client.increment(cache, 'n', 5), 'Success', (r) => r.value(), 5);
    await is('increment down', client.increment(cache, 'n', -7), 'Success', (r) => r.value(), -2);
    await is('counter as text', client.get(cache, 'n'), 'Hit', (r) => r.valueString(), '-2');
    const items = Object.fromEntries(Array.from({length: 40}, (_, i) => [`b${i}`, `v${i}`]));
    await is('set batch', client.setBatch(cache, items), 'Success');
    await is('get batch', client.getBatch(cache, ['b0', 'b39', 'none', 'b7']), 'Success', (r) => r.values(), {b0: 'v0', b39: 'v39', b7: 'v7'});
  }

  async function conditions() {
    await is('absent', client.setIfAbsent(cache, 'c', '1'), 'Stored');
    await is('absent again', client.setIfAbsent(cache, 'c', '2'), 'NotStored');
    await is('not exists', client.setIfNotExists(cache, 'c', '2'), 'NotStored');
    await is('present', client.setIfPresent(cache, 'c', '2'), 'Stored');
    await is('present of missing', client.setIfPresent(cache, 'none', '2'), 'NotStored');
    await is('equal', client.setIfEqual(cache, 'c', '3', '2'), 'Stored');
    await is('equal to else', client.setIfEqual(cache, 'c', '4', '2'), 'NotStored');
    await is('not equal', client.setIfNotEqual(cache, 'c', '4', '2'), 'Stored');
    await is('not equal to same', client.setIfNotEqual(cache, 'c', '5', '4'), 'NotStored');
    await is('present and not equal', client.setIfPresentAndNotEqual(cache, 'none', '5', '4'), 'NotStored');
    await is('absent or equal', client.setIfAbsentOrEqual(cache, 'c', '5', '4'), 'Stored');
    await is('value', client.get(cache, 'c'), 'Hit', (r) => r.valueString(), '5');
    const stored = await is('with hash', client.setWithHash(cache, 'h', 'a'), 'Stored');
    const read = await is('get with hash', client.getWithHash(cache, 'h'), 'Hit', (r) => r.valueString(), 'a');
    same('hash', [...read.hashUint8Array()], [...stored.hashUint8Array()]);
    await is('hash equal', client.setIfPresentAndHashEqual(cache, 'h', 'b', read.hashUint8Array()), 'Stored');
    await is('hash equal to old', client.setIfPresentAndHashEqual(cache, 'h', 'c', read.hashUint8Array()), 'NotStored');
    await is('hash not equal', client.setIfPresentAndHashNotEqual(cache, 'h', 'c', read.hashUint8Array()), 'Stored');
    await is('absent or hash equal', client.setIfAbsentOrHashEqual(cache, 'h2', 'x', read.hashUint8Array()), 'Stored');
    await is('absent or hash not equal', client.setIfAbsentOrHashNotEqual(cache, 'h2', 'y', read.hashUint8Array()), 'Stored');
    await is('get with hash of missing', client.getWithHash(cache, 'none'), 'Miss');
  }

  async function lives() {
    await is('set', client.set(cache, 't', 'v', {ttl: 100}), 'Success');
    await is('ttl', client.itemGetTtl(cache, 't'), 'Hit', (r) => r.remainingTtlMillis() > 90_000 && r.remainingTtlMillis() <= 100_000, true);
    await is('increase', client.increaseTtl(cache, 't', 200_000), 'Set');
    await is('increase to less', client.increaseTtl(cache, 't', 1000), 'NotSet');
    await is('decrease', client.decreaseTtl(cache, 't', 50_000), 'Set');
    await is('decrease to more', client.decreaseTtl(cache, 't', 90_000), 'NotSet');
    await is('update', client.updateTtl(cache, 't', 150), 'Set');
    await new Promise((done) => setTimeout(done, 200));
    await is('expired', client.get(cache, 't'), 'Miss');
    await is('update missing', client.updateTtl(cache, 't', 150), 'Miss');
    await is('ttl of missing', client.itemGetTtl(cache, 't'), 'Miss');
    await is('type of missing', client.itemGetType(cache, 't'), 'Miss');
  }

  async function dictionaries() {
    await is('set field', client.dictionarySetField(cache, 'd', 'a', '1'), 'Success');
    await is('set fields', client.dictionarySetFields(cache, 'd', {b: '2', c: ''}), 'Success');
    await is('get field', client.dictionaryGetField(cache, 'd', 'a'), 'Hit', (r) => r.valueString(), '1');
    await is('get fields', client.dictionaryGetFields(cache, 'd', ['b', 'x', 'c']), 'Hit', (r) => r.value(), {b: '2', c: ''});
    await is('fetch', client.dictionaryFetch(cache, 'd'), 'Hit', (r) => Object.entries(r.value()).sort(), [['a', '1'], ['b', '2'], ['c', '']]);
    await is('length', client.dictionaryLength(cache, 'd'), 'Hit', (r) => r.length(), 3);
    await is('increment', client.dictionaryIncrement(cache, 'd', 'a', 41), 'Success', (r) => r.valueNumber(), 42);
    await is('remove field', client.dictionaryRemoveField(cache, 'd', 'a'), 'Success');
    await is('remove fields', client.dictionaryRemoveFields(cache, 'd', ['b', 'x']), 'Success');
    await is('type', client.itemGetType(cache, 'd'), 'Hit', (r) => r.itemType(), sdk.ItemType.DICTIONARY);
    await is('remove last', client.dictionaryRemoveField(cache, 'd', 'c'), 'Success');
    await is('gone', client.dictionaryFetch(cache, 'd'), 'Miss');
    await is('length of missing', client.dictionaryLength(cache, 'd'), 'Miss');
    await is('get of missing', client.dictionaryGetField(cache, 'd', 'a'), 'Miss');
  }

  async function lists() {
    const fetch = (want, options) => is('fetch', client.listFetch(cache, 'l', options), 'Hit', (r) => r.valueListString(), want);
    await is('push back', client.listPushBack(cache, 'l', 'c'), 'Success', (r) => r.listLength(), 1);
    await is('push front', client.listPushFront(cache, 'l', 'b'), 'Success', (r) => r.listLength(), 2);
    await is('concatenate front', client.listConcatenateFront(cache, 'l', ['', 'a']), 'Success', (r) => r.listLength(), 4);
    await is('concatenate back', client.listConcatenateBack(cache, 'l', ['d', 'c']), 'Success', (r) => r.listLength(), 6);
    await fetch(['', 'a', 'b', 'c', 'd', 'c']);
    await fetch(['b', 'c'], {startIndex: 2, endIndex: -2});
    await is('empty slice', client.listFetch(cache, 'l', {startIndex: 5, endIndex: 2}), 'Miss');
    await is('remove', client.listRemoveValue(cache, 'l', 'c'), 'Success');
    await fetch(['', 'a', 'b', 'd']);
    await is('retain', client.listRetain(cache, 'l', {startIndex: 1, endIndex: 4}), 'Success');
    await is('pop front', client.listPopFront(cache, 'l'), 'Hit', (r) => r.valueString(), 'a');
    await is('pop back', client.listPopBack(cache, 'l'), 'Hit', (r) => r.valueString(), 'd');
    await is('length', client.listLength(cache, 'l'), 'Hit', (r) => r.length(), 1);
    await is('truncate', client.listConcatenateBack(cache, 'l', ['x', 'y', 'z'], {truncateFrontToSize: 2}), 'Success', (r) => r.listLength(), 2);
    await fetch(['y', 'z']);
    await is('delete', client.delete(cache, 'l'), 'Success');
    await is('fetch of missing', client.listFetch(cache, 'l'), 'Miss');
    await is('pop of missing', client.listPopFront(cache, 'l'), 'Miss');
    await is('length of missing', client.listLength(cache, 'l'), 'Miss');
  }

  async function sets() {
    await is('add', client.setAddElement(cache, 's', 'a'), 'Success');
    await is('add more', client.setAddElements(cache, 's', ['b', 'c', 'a', '']), 'Success');
    await is('fetch', client.setFetch(cache, 's'), 'Hit', (r) => sorted(r.valueSetString()), ['', 'a', 'b', 'c']);
    await is('contains', client.setContainsElement(cache, 's', 'b'), 'Hit', (r) => r.containsElement(), true);
    await is('contains all', client.setContainsElements(cache, 's', ['x', 'a']), 'Hit', (r) => r.containsElements(), {x: false, a: true});
    await is('length', client.setLength(cache, 's'), 'Hit', (r) => r.length(), 4);
    await is('sample none', client.setSample(cache, 's', 0), 'Hit', (r) => r.valueSetString().size, 0);
    await is('sample', client.setSample(cache, 's', 9), 'Hit', (r) => sorted(r.valueSetString()), ['', 'a', 'b', 'c']);
    await is('remove', client.setRemoveElements(cache, 's', ['', 'x']), 'Success');
    await is('pop', client.setPop(cache, 's', 2), 'Hit', (r) => r.valueSet().size, 2);
    await is('pop rest', client.setPop(cache, 's', 5), 'Hit', (r) => r.valueSet().size, 1);
    await is('gone', client.setFetch(cache, 's'), 'Miss');
    await is('remove of missing', client.setRemoveElement(cache, 's', 'a'), 'Success');
    await is('contains of missing', client.setContainsElement(cache, 's', 'a'), 'Miss');
  }

  async function sortedSets() {
    const elements = (r) => r.value().map((e) => [e.value, e.score]);
    const up = sdk.SortedSetOrder.Ascending;
    const down = sdk.SortedSetOrder.Descending;
    await is('put', client.sortedSetPutElement(cache, 'z', 'b', 2), 'Success');
    await is('put more', client.sortedSetPutElements(cache, 'z', {a: 1.5, c: 2, d: -4}), 'Success');
    await is('fetch', client.sortedSetFetchByRank(cache, 'z'), 'Hit', elements, [['d', -4], ['a', 1.5], ['b', 2], ['c', 2]]);
    await is('fetch down', client.sortedSetFetchByRank(cache, 'z', {order: down, startRank: 1, endRank: 3}), 'Hit', elements, [['b', 2], ['a', 1.5]]);
    await is('fetch negative', client.sortedSetFetchByRank(cache, 'z', {startRank: -2, order: up}), 'Hit', elements, [['b', 2], ['c', 2]]);
    await is('fetch by score', client.sortedSetFetchByScore(cache, 'z', {minScore: 1.5, offset: 1, count: 1}), 'Hit', elements, [['b', 2]]);
    await is('fetch nothing', client.sortedSetFetchByScore(cache, 'z', {minScore: 100}), 'Hit', elements, []);
    await is('score', client.sortedSetGetScore(cache, 'z', 'a'), 'Hit', (r) => r.score(), 1.5);
    await is('score of missing', client.sortedSetGetScore(cache, 'z', 'x'), 'Miss');
    await is('scores', client.sortedSetGetScores(cache, 'z', ['a', 'x', 'd']), 'Hit', (r) => r.value(), {a: 1.5, d: -4});
    await is('rank', client.sortedSetGetRank(cache, 'z', 'a'), 'Hit', (r) => r.rank(), 1);
    await is('rank down', client.sortedSetGetRank(cache, 'z', 'a', {order: down}), 'Hit', (r) => r.rank(), 2);
    await is('rank of missing', client.sortedSetGetRank(cache, 'z', 'x'), 'Miss');
    await is('increment', client.sortedSetIncrementScore(cache, 'z', 'a', 0.25), 'Success', (r) => r.score(), 1.75);
    await is('length', client.sortedSetLength(cache, 'z'), 'Hit', (r) => r.length(), 4);
    await is('length by score', client.sortedSetLengthByScore(cache, 'z', {minScore: 0, maxScore: 2}), 'Hit', (r) => r.length(), 3);
    await is('remove', client.sortedSetRemoveElements(cache, 'z', ['d', 'x']), 'Success');
    await is('second', client.sortedSetPutElements(cache, 'y', {a: 10, e: 1}), 'Success');
    const sources = [{sortedSetName: 'z', weight: 2}, {sortedSetName: 'y', weight: 1}, {sortedSetName: 'none', weight: 1}];
    await is('union', client.sortedSetUnionStore(cache, 'u', sources), 'Success', (r) => r.length(), 4);
    await is('union is', client.sortedSetFetchByRank(cache, 'u'), 'Hit', elements, [['e', 1], ['b', 4], ['c', 4], ['a', 13.5]]);
    await fails('union of nothing', client.sortedSetUnionStore(cache, 'u', []), 'INVALID_ARGUMENT_ERROR');
    await is('type', client.itemGetType(cache, 'u'), 'Hit', (r) => r.itemType(), sdk.ItemType.SORTED_SET);
    await is('fetch of missing', client.sortedSetFetchByRank(cache, 'none'), 'Miss');
  }

  async function boards() {
    const board = leaderboards.leaderboard(cache, 'board');
    const elements = (r) => r.values().map((e) => [e.id, e.score, e.rank]);
    const down = sdk.LeaderboardOrder.Descending;
    await is('empty', board.fetchByScore(), 'Success', elements, []);
    await is('upsert', board.upsert({123: 100, 456: 200, 789: 300.5}), 'Success');
    await is('by rank', board.fetchByRank(0, 2), 'Success', elements, [[123, 100, 0], [456, 200, 1]]);
    await is('by rank down', board.fetchByRank(0, 2, {order: down}), 'Success', elements, [[789, 300.5, 0], [456, 200, 1]]);
    await is('by score', board.fetchByScore({minScore: 150, maxScore: 300.5}), 'Success', elements, [[456, 200, 1]]);
    await is('rank', board.getRank([123, 789, 1]), 'Success', elements, [[123, 100, 0], [789, 300.5, 2]]);
    await is('length', board.length(), 'Success', (r) => r.length(), 3);
    await is('remove', board.removeElements([123, 1]), 'Success');
    await is('shorter', board.length(), 'Success', (r) => r.length(), 2);
    await fails('too wide', board.fetchByRank(0, 8193), 'INVALID_ARGUMENT_ERROR');
    await is('delete', board.delete(), 'Success');
    await is('gone', board.length(), 'Success', (r) => r.length(), 0);
    await fails('unknown cache', leaderboards.leaderboard('no-such-cache', 'b').length(), 'CACHE_NOT_FOUND_ERROR');
  }

  async function errors() {
    await fails('unknown cache', client.get('no-such-cache', 'k'), 'CACHE_NOT_FOUND_ERROR');
    await fails('unknown cache, batch', client.getBatch('no-such-cache', ['k']), 'CACHE_NOT_FOUND_ERROR');
    await is('set text', client.set(cache, 'text', 'abc'), 'Success');
    await fails('increment of text', client.increment(cache, 'text', 1), 'FAILED_PRECONDITION_ERROR');
    await fails('push on text', client.listPushBack(cache, 'text', 'x'), 'FAILED_PRECONDITION_ERROR');
    await fails('fields of text', client.dictionaryFetch(cache, 'text'), 'FAILED_PRECONDITION_ERROR');
    await is('text is as it was', client.get(cache, 'text'), 'Hit', (r) => r.valueString(), 'abc');
    await is('large', client.set(cache, 'large', 'x'.repeat(largest)), 'Success');
    await is('large is there', client.get(cache, 'large'), 'Hit', (r) => r.valueUint8Array().length, largest);
    if (refused) {
      const r = await is('too large', client.set(cache, 'large', 'x'.repeat(refused)), 'Error', (e) => e.errorCode(), sdk.MomentoErrorCode.LIMIT_EXCEEDED_ERROR);
      same('which limit', /Request size limit exceeded/.test(r.message()), true);
      await is('large is as it was', client.get(cache, 'large'), 'Hit', (r) => r.valueUint8Array().length, largest);
    }
    await fails('time to live over the maximum', client.set(cache, 'k', 'v', {ttl: 86401}), 'INVALID_ARGUMENT_ERROR');
  }
}
