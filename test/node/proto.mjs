// Reads lines {file, name, object, bytes} and says what the vendor's generated types make of each: the bytes that they
// write for the object, and the object that they read from the bytes. Bytes are base64, in objects as {"base64": …}.
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const require = createRequire(import.meta.url);

// find returns the class of a message: a.b.Outer.Inner is an export of its package's namespace.
function find(file, name) {
  let at = require(`@gomomento/generated-types/dist/${file}.js`);
  for (const part of name.split('.')) at = at?.[part];
  if (typeof at !== 'function') throw new Error(`${file} has no message ${name}`);
  return at;
}

const fromJSON = (v) =>
  v === null || typeof v !== 'object' ? v
  : Array.isArray(v) ? v.map(fromJSON)
  : 'base64' in v ? new Uint8Array(Buffer.from(v.base64, 'base64'))
  : Object.fromEntries(Object.entries(v).map(([k, x]) => [k, fromJSON(x)]));

const toJSON = (v) =>
  v === null || typeof v !== 'object' ? v
  : Array.isArray(v) ? v.map(toJSON)
  : v instanceof Uint8Array ? {base64: Buffer.from(v).toString('base64')}
  : Object.fromEntries(Object.entries(v).map(([k, x]) => [k, toJSON(x)]));

for await (const line of createInterface({input: process.stdin})) {
  const {file, name, object, bytes} = JSON.parse(line);
  const type = find(file, name);
  const written = Buffer.from(type.fromObject(fromJSON(object)).serializeBinary()).toString('base64');
  const read = toJSON(type.deserializeBinary(Buffer.from(bytes, 'base64')).toObject());
  console.log(JSON.stringify({bytes: written, object: read}));
}
