// s3db.js (its entry without plugins), each operation in the cheapest of the ways that it has.
// It imports from the folder that NODE_MODULES names.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const modules = process.env.NODE_MODULES;
const manifest = JSON.parse(readFileSync(join(modules, "s3db.js", "package.json")));
const lite = join(modules, "s3db.js", "dist", "lite.js");
const { Database } = await import(pathToFileURL(lite));

const rows = readFileSync(process.env.ROWS, "utf8").trim().split("\n").map(JSON.parse);
const day = process.env.DATE;
const ofDay = rows.filter((row) => row.date === day).length;
const days = new Set(rows.map((row) => row.date)).size;
const ROUNDS = 4;
const CALLS = 10;

const line = (value) => console.log(JSON.stringify(value));
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const assertIs = (found, expected, op) => {
  if (found !== expected) throw new Error(`${op}: ${found} instead of ${expected}`);
};
const settled = () => new Promise((done) => setTimeout(done, 300));

line({ peer: `s3db.js ${manifest.version}` });
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
const one = await resource("one");
const many = await resource("many");

// Its row has the id as a text.
const own = ({ id, ...row }) => ({ id: String(id), number: id, ...row });
const parts = Array.from({ length: ROUNDS }, (_, part) =>
  rows.filter((_, index) => index % ROUNDS === part).map(own));

// The CPU a row: the least of the rounds and of the ways. What goes on in the background counts.
async function eachRow(op, ways) {
  let least = Infinity;
  for (const way of ways) {
    for (const part of parts) {
      const before = cpu();
      await way(part);
      await settled();
      least = Math.min(least, (cpu() - before) / part.length);
    }
  }
  line({ op, cpu_ms: least });
}

async function whole(op, ways, expected, reads = 1) {
  let least = Infinity;
  for (const way of ways) {
    for (let call = 0; call < CALLS; call++) {
      const before = cpu();
      const found = await way();
      least = Math.min(least, cpu() - before);
      assertIs(found, expected, op);
    }
  }
  line({ op, cpu_ms: least / reads });
}

await eachRow("insert", [
  async (part) => { for (const row of part) await one.insert(row); },
  (part) => many.insertMany(part),
]);
await eachRow("get", [
  async (part) => {
    for (const row of part) assertIs((await one.get(row.id)).notes, row.notes, "get");
  },
  async (part) => assertIs((await one.getMany(part.map((row) => row.id))).length, part.length, "getMany"),
]);
const partition = { partition: "byDate", partitionValues: { date: day } };
await whole("query of one partition", [
  async () => (await one.list({ ...partition, limit: 1e6 })).length,
  async () => (await one.query({}, { ...partition, limit: 1e6 })).length,
], ofDay, ofDay);
// It has no call for the values of a partition: they are in the keys of its references.
await whole("distinct", [async () => {
  const keys = await db.client.getAllKeys({ prefix: "resource=one/partition=byDate" });
  return new Set(keys.map((key) => key.match(/date=([^/]*)/)[1])).size;
}], days);
await whole("count", [() => one.count()], rows.length);
await whole("list keys", [async () => (await one.listIds({ limit: 1e6 })).length], rows.length);
process.exit(0);
