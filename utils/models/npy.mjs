// Reads and writes NumPy's .npy files, the one form in which tensors travel between Tenon's tests and the reference.
import { readFileSync, writeFileSync } from 'node:fs';

// Element types by NumPy's descriptor: the name ONNX Runtime uses and the typed array that holds the elements.
const types = {
  '<f4': ['float32', Float32Array],
  '<f8': ['float64', Float64Array],
  '<f2': ['float16', Uint16Array],
  '|i1': ['int8', Int8Array],
  '<i2': ['int16', Int16Array],
  '<i4': ['int32', Int32Array],
  '<i8': ['int64', BigInt64Array],
  '|u1': ['uint8', Uint8Array],
  '<u2': ['uint16', Uint16Array],
  '<u4': ['uint32', Uint32Array],
  '<u8': ['uint64', BigUint64Array],
  '|b1': ['bool', Uint8Array],
};
const descriptors = Object.fromEntries(Object.entries(types).map(([descriptor, [name]]) => [name, descriptor]));

/// Reads `path`: { type, dims, data }, with data a typed array in C order.
export function readNpy(path) {
  const file = readFileSync(path);
  if (file.subarray(0, 6).toString('latin1') !== '\x93NUMPY') throw new Error(`${path}: not a .npy file`);
  const wide = file[6] >= 2;
  const headerSize = wide ? file.readUInt32LE(8) : file.readUInt16LE(8);
  const start = (wide ? 12 : 10) + headerSize;
  const header = file.subarray(wide ? 12 : 10, start).toString('latin1');
  const descriptor = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (!(descriptor in types) || shape === undefined) throw new Error(`${path}: unsupported header ${header.trim()}`);
  if (/'fortran_order':\s*True/.test(header)) throw new Error(`${path}: Fortran order is not supported`);
  const dims = shape.split(',').map((d) => d.trim()).filter((d) => d !== '').map(Number);
  const [type, Array_] = types[descriptor];
  const count = dims.reduce((a, b) => a * b, 1);
  if (file.length - start !== count * Array_.BYTES_PER_ELEMENT)
    throw new Error(`${path}: ${file.length - start} bytes of elements, expected ${count * Array_.BYTES_PER_ELEMENT}`);
  const bytes = new Uint8Array(count * Array_.BYTES_PER_ELEMENT);
  bytes.set(file.subarray(start));
  return { type, dims, data: new Array_(bytes.buffer) };
}

/// Writes one tensor { type, dims, data } to `path`.
export function writeNpy(path, { type, dims, data }) {
  if (!(type in descriptors)) throw new Error(`${path}: element type ${type} has no .npy form`);
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  let header = `{'descr': '${descriptors[type]}', 'fortran_order': False, 'shape': ${shape}, }`;
  header += ' '.repeat(63 - ((10 + header.length) % 64)) + '\n';
  const head = Buffer.alloc(10 + header.length);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(header.length, 8);
  head.write(header, 10, 'latin1');
  writeFileSync(path, Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}
