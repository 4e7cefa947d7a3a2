#!/usr/bin/env node
// Runs and times a model with ONNX Runtime, once from the command line or as a server over standard input and output.
import { createRequire } from 'node:module';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readNpy, writeNpy } from './npy.mjs';

const usage = `usage: reference.mjs run  MODEL INPUTS OUTPUTS [--threads N]
       reference.mjs time MODEL INPUTS [--threads N] [--runs N]
       reference.mjs serve

INPUTS holds input_0.npy, input_1.npy, … in the order of the model's inputs; OUTPUTS gets output_0.npy, ….
The ONNX Runtime is the one installed by npm in .models/npm.

serve reads one JSON request a line and answers each with one line, {"error": …} if it failed:
  {"op": "load", "id": ID, "model": PATH, "threads": N}      -> {"create_ms", "inputs": [NAME…], "outputs": [NAME…]}
      with "level": "disabled" or "basic" it optimises less
  {"op": "inputs", "id": ID, "from": FOLDER}                 -> {}: what the following requests run on
  {"op": "run", "id": ID, "to": FOLDER}                      -> {"outputs": [{"name", "type", "dims"}…]}
  {"op": "steps", "id": ID, "to": FOLDER, "steps": N, "stepped": [INPUT…], "carry": {OUTPUT: INPUT…}}
      runs N times: a stepped input has N slices along a leading dimension, a carried output is the next step's input,
      and each output file has the N results along a leading dimension
  {"op": "time", "id": ID, "runs": N}                        -> {"ms": [T…]}: one number a run
  {"op": "unload", "id": ID}                                 -> {}`;

const npmFolder = join(dirname(fileURLToPath(import.meta.url)), '../../.models/npm');
const require = createRequire(join(npmFolder, 'package.json'));

/// The native binding: its calls are synchronous, so that a measured time holds no turn of the event loop.
function loadBinding() {
  const { binding, initOrt } = require('onnxruntime-node/dist/binding');
  initOrt();
  return binding;
}

/// One ONNX Runtime session and the inputs it runs on.
class Reference {
  constructor(model, threads, level = 'all') {
    if (!existsSync(model)) throw new Error(`${model}: no such file`);
    this.Tensor = require('onnxruntime-common').Tensor;
    const binding = loadBinding();
    const start = performance.now();
    this.session = new binding.InferenceSession();
    this.session.loadModel(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: level,
      logSeverityLevel: 3,
    });
    this.createMs = performance.now() - start;
    this.inputs = this.session.inputMetadata.map((m) => m.name);
    this.outputs = this.session.outputMetadata.map((m) => m.name);
    this.fetches = Object.fromEntries(this.outputs.map((name) => [name, null]));
  }

  tensor({ type, dims, data }) {
    return new this.Tensor(type, data, dims);
  }

  readInputs(folder) {
    this.values = this.inputs.map((name, i) => readNpy(join(folder, `input_${i}.npy`)));
    this.feeds = Object.fromEntries(this.inputs.map((name, i) => [name, this.tensor(this.values[i])]));
  }

  runOnce() {
    return this.session.run(this.feeds, this.fetches, {});
  }

  run(folder) {
    const results = this.runOnce();
    return this.write(folder, this.outputs.map((name) => results[name]));
  }

  write(folder, tensors) {
    mkdirSync(folder, { recursive: true });
    tensors.forEach((t, i) => writeNpy(join(folder, `output_${i}.npy`), t));
    return tensors.map((t, i) => ({ name: this.outputs[i], type: t.type, dims: t.dims }));
  }

  /// Runs `steps` times on slices of the `stepped` inputs, each output named in `carry` fed back to an input.
  runSteps(folder, steps, stepped, carry) {
    const collected = this.outputs.map(() => []);
    const feeds = { ...this.feeds };
    for (let step = 0; step < steps; ++step) {
      for (const name of stepped) {
        const { type, dims, data } = this.values[this.inputs.indexOf(name)];
        if (dims[0] !== steps) throw new Error(`input ${name}: ${dims[0]} slices, expected ${steps}`);
        const size = data.length / steps;
        feeds[name] = this.tensor({ type, dims: dims.slice(1), data: data.slice(step * size, (step + 1) * size) });
      }
      const results = this.session.run(feeds, this.fetches, {});
      this.outputs.forEach((name, i) => collected[i].push(results[name]));
      for (const [output, input] of Object.entries(carry)) feeds[input] = results[output];
    }
    const stacked = collected.map((tensors) => {
      const first = tensors[0];
      const data = new first.data.constructor(first.data.length * steps);
      tensors.forEach((t, i) => data.set(t.data, i * first.data.length));
      return { type: first.type, dims: [steps, ...first.dims], data };
    });
    return this.write(folder, stacked);
  }

  time(runs) {
    const ms = [];
    for (let i = 0; i < runs; ++i) {
      const start = performance.now();
      this.runOnce();
      ms.push(performance.now() - start);
    }
    return ms;
  }

  dispose() {
    this.session.dispose();
  }
}

const sessions = new Map();

function answer(request) {
  if (request.op === 'load') {
    const session = new Reference(resolve(request.model), request.threads ?? 1, request.level);
    sessions.set(request.id, session);
    return { create_ms: session.createMs, inputs: session.inputs, outputs: session.outputs };
  }
  const session = sessions.get(request.id);
  if (!session) throw new Error(`no session ${request.id}`);
  switch (request.op) {
    case 'inputs':
      session.readInputs(request.from);
      return {};
    case 'run':
      return { outputs: session.run(request.to) };
    case 'steps':
      return { outputs: session.runSteps(request.to, request.steps, request.stepped ?? [], request.carry ?? {}) };
    case 'time':
      return { ms: session.time(request.runs ?? 1) };
    case 'unload':
      session.dispose();
      sessions.delete(request.id);
      return {};
    default:
      throw new Error(`unknown request ${request.op}`);
  }
}

async function serve() {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue;
    let reply;
    try {
      reply = answer(JSON.parse(line));
    } catch (error) {
      reply = { error: String(error?.message ?? error) };
    }
    process.stdout.write(JSON.stringify(reply) + '\n');
  }
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function once(op, words) {
  const options = { '--threads': 1, '--runs': 20 };
  const paths = [];
  for (let i = 0; i < words.length; ++i)
    if (words[i] in options) options[words[i]] = Number(words[++i]);
    else paths.push(words[i]);
  if (paths.length !== (op === 'run' ? 3 : 2) || Object.values(options).some((n) => !(n >= 1))) {
    console.error(usage);
    process.exit(1);
  }
  const session = new Reference(resolve(paths[0]), options['--threads']);
  session.readInputs(paths[1]);
  if (op === 'run') {
    for (const { name, type, dims } of session.run(paths[2])) console.log(`${name}: ${type} [${dims.join(', ')}]`);
    return;
  }
  session.time(Math.min(3, options['--runs']));
  const ms = session.time(options['--runs']);
  console.log(
    `session ${session.createMs.toFixed(1)} ms; run: median ${median(ms).toFixed(3)} ms, ` +
      `least ${Math.min(...ms).toFixed(3)} ms, ${ms.length} runs`
  );
}

const [op, ...words] = process.argv.slice(2);
if (op === 'serve') await serve();
else if (op === 'run' || op === 'time') once(op, words);
else {
  console.error(usage);
  process.exit(op === '--help' ? 0 : 1);
}
