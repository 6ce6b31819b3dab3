// Sends requests with autocannon and prints what came of them as one line of JSON. Its argument: the options, as JSON.
// Each connection keeps to one of the bodies. autocannon's own figures are rounded
// to milliseconds, so each answer's time is kept.
import autocannon from "autocannon";

const { bodies, ...options } = JSON.parse(process.argv[2]);
let connections = 0;
if (bodies) options.setupClient = (client) => client.setBody(bodies[connections++ % bodies.length]);
const began = performance.now();
let ended = began;
const latencies = [];
const statuses = {};

const run = autocannon(options, (error, result) => {
  if (error) throw error;
  const { errors, timeouts, mismatches } = result;
  console.log(JSON.stringify({ seconds: (ended - began) / 1000, latencies, statuses, errors, timeouts, mismatches }));
});
run.on("response", (_client, status, _bytes, milliseconds) => {
  ended = performance.now();
  latencies.push(milliseconds);
  statuses[status] = (statuses[status] ?? 0) + 1;
});
