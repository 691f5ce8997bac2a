// A hook of `thin_gateway.py`: answers one event after the other. Arguments: handler, descriptor.
"use strict";

const net = require("node:net");
const path = require("node:path");

const handler = require(path.join(__dirname, "functions", "hooks.js"))[process.argv[2]];
const frames = new net.Socket({ fd: Number(process.argv[3]), readable: true, writable: true });
let pending = Buffer.alloc(0);

frames.on("data", async (data) => {
  pending = pending.length ? Buffer.concat([pending, data]) : data;
  if (pending.length < 4 || pending.length < 4 + pending.readUInt32BE(0)) return;
  const event = JSON.parse(pending.toString("utf8", 4));
  pending = Buffer.alloc(0);
  const result = JSON.stringify(await handler(event));
  const size = Buffer.byteLength(result);
  const frame = Buffer.allocUnsafe(4 + size);
  frame.writeUInt32BE(size, 0);
  frame.write(result, 4, "utf8");
  frames.write(frame);
});
frames.on("end", () => process.exit(0));
