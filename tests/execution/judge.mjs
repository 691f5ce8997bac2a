// Runs one handler under AWS's own client, its native part replaced, and writes down what it reports.
// node judge.mjs CLIENT FOLDER HANDLER REPORT
import fs from "node:fs";
import Module from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [client, folder, handler, report] = process.argv.slice(2);
const reports = [];

// The client's native part asks for the next invocation and posts what came of it.
const native = {
  initializeClient() {},
  next() {
    if (reports.length) finish();
    return Promise.resolve({
      bodyJson: "{}",
      headers: { "lambda-runtime-aws-request-id": "1", "lambda-runtime-deadline-ms": String(Date.now() + 9000) },
    });
  },
  done: (id, body) => reports.push(["result", JSON.parse(body)]),
  error: (id, body) => reports.push(["error", JSON.parse(body)]),
};

function finish() {
  fs.writeFileSync(report, JSON.stringify(reports));
  process.reallyExit(0);
}

const resolve = Module._resolveFilename;
Module._resolveFilename = (name, ...more) => (name.endsWith("rapid-client.node") ? name : resolve.call(Module, name, ...more));
Module._extensions[".node"] = (module) => { module.exports = native; };
process.exit = finish;

process.env.AWS_LAMBDA_RUNTIME_API = "127.0.0.1:1";
process.chdir(folder);
const { run } = await import(pathToFileURL(path.join(client, "dist", "index.mjs")).href);
fs.writeSync(1, "begun\n");
await run(folder, handler);
