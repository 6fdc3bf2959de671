// s3db.js (its entry without plugins), each task in the cheapest of the ways that it has. It imports
// from the folder that NODE_MODULES names.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const modules = process.env.NODE_MODULES;
const manifest = JSON.parse(readFileSync(join(modules, "s3db.js", "package.json")));
const lite = join(modules, "s3db.js", "dist", "lite.js");
const { Database } = await import(pathToFileURL(lite));

// Its row has the id as a text.
const own = ({ id, ...row }) => ({ id: String(id), number: id, ...row });
const rows = readFileSync(process.env.ROWS, "utf8").trim().split("\n").map(JSON.parse).map(own);
const sample = rows.filter((_, index) => index % 4 === 0);
const day = process.env.DATE;
const ofDay = rows.filter((row) => row.date === day).length;
const days = new Set(rows.map((row) => row.date)).size;
const CALLS = 5;

const say = (value) => console.log(JSON.stringify(value));
const assertIs = (found, expected, op) => {
  if (found !== expected) throw new Error(`${op}: ${found} instead of ${expected}`);
};

// Milliseconds of this process's CPU, and by the clock. What goes on in the background is waited
// for and counts as CPU; a caller does not wait for it.
async function clocked(work) {
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  await new Promise((done) => setTimeout(done, 300));
  const { user, system } = process.cpuUsage(before);
  return { cpu_ms: (user + system) / 1000, wall_ms: wall };
}

// The cost of one of `count`, by the cheapest of several ways.
async function cheapest(op, ways, count) {
  let least = { cpu_ms: Infinity };
  for (const way of ways) {
    const times = await clocked(way);
    if (times.cpu_ms < least.cpu_ms) least = times;
  }
  say({ op, cpu_ms: least.cpu_ms / count, wall_ms: least.wall_ms / count });
}

const whole = (op, ways, expected, reads = 1) => cheapest(op, ways.map((way) => async () => {
  for (let call = 0; call < CALLS; call++) assertIs(await way(), expected, op);
}), CALLS * reads);

const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, BUCKET: bucket } = process.env;
const connectionString = `http://${id}:${secret}@${endpoint.host}/${bucket}/s3db`;
const db = new Database({ connectionString, logLevel: "error" });
await db.connect();
const attributes = {
  number: "number", date: "string", name: "string", email: "string", age: "number",
  score: "number", active: "boolean", tags: "array|items:string", notes: "string",
};
const resource = (name) => db.createResource({
  name,
  attributes,
  // Rows larger than S3's metadata go whole into the body: cheaper than the default, which splits.
  behavior: process.env.BEHAVIOR ?? "body-only",
  partitions: { byDate: { fields: { date: "string" } } },
  timestamps: false,
});

async function once(number) {
  const one = await resource(`one${number}`);
  const many = await resource(`many${number}`);
  const ids = (of) => of.map((row) => row.id);

  await cheapest("insert", [
    async () => { for (const row of rows) await one.insert(row); },
    () => many.insertMany(rows),
  ], rows.length);
  await cheapest("get", [
    async () => {
      for (const row of sample) assertIs((await one.get(row.id)).notes, row.notes, "get");
    },
    async () => assertIs((await one.getMany(ids(sample))).length, sample.length, "getMany"),
  ], sample.length);
  const partition = { partition: "byDate", partitionValues: { date: day } };
  await whole("rows of one partition", [
    async () => (await one.list({ ...partition, limit: 1e6 })).length,
    async () => (await one.query({}, { ...partition, limit: 1e6 })).length,
  ], ofDay, ofDay);
  // It has no call for the values of a partition: they are in the keys of its references.
  await whole("distinct", [async () => {
    const keys = await db.client.getAllKeys({ prefix: `resource=one${number}/partition=byDate` });
    return new Set(keys.map((key) => key.match(/date=([^/]*)/)[1])).size;
  }], days);
  await whole("count", [() => one.count()], rows.length);
  await whole("list keys", [async () => (await one.listIds({ limit: 1e6 })).length], rows.length);
  await cheapest("update", [
    async () => { for (const { id, age } of sample) await one.update(id, { age: age + 1 }); },
    async () => { for (const { id, age } of sample) await many.patch(id, { age: age + 1 }); },
  ], sample.length);
  assertIs((await one.get(sample[0].id)).age, sample[0].age + 1, "update");
  assertIs((await many.get(sample[0].id)).age, sample[0].age + 1, "patch");
  // Of an answer 204 its HTTP client makes a `Response` with a body, which Node refuses.
  say({ op: "delete", fails: true });
}

say({ peer: `s3db.js ${manifest.version}` });
for await (const number of createInterface({ input: process.stdin })) {
  await once(Number(number));
  say({ round: Number(number) });
}
process.exit(0);
