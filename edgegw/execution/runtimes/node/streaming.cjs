// Response streaming: what `awslambda` offers to a function, and the answer that it writes in pieces.
"use strict";

const stream = require("node:stream");

const CONTENT_TYPE_WITH_METADATA = "application/vnd.awslambda.http-integration-response";
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");

function isStreaming(handler) {
  return handler[STREAMING] !== undefined;
}

function streamifyResponse(wrapped, options) {
  wrapped[STREAMING] = "response";
  if (options && options.highWaterMark !== undefined) wrapped[HIGH_WATER_MARK] = options.highWaterMark;
  return wrapped;
}

class HttpResponseStream {
  static from(responseStream, metadata) {
    responseStream.setContentType(CONTENT_TYPE_WITH_METADATA);
    responseStream._metadata = Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]);
    return responseStream;
  }
}

class ResponseStream extends stream.Writable {
  constructor(outlet, highWaterMark) {
    super({ highWaterMark });
    this._outlet = outlet;
    this._contentType = "application/octet-stream";
    this._begun = false;
    this._metadata = null;
  }

  setContentType(contentType) {
    if (this._begun) {
      const fault = new Error("Cannot set content-type, too late.");
      fault.name = "Runtime.InvalidStreamingOperation";
      throw fault;
    }
    this._contentType = contentType;
  }

  _begin() {
    if (this._begun) return;
    this._begun = true;
    this._outlet.send("S", this._contentType);
    if (this._metadata !== null) this._outlet.send("C", this._metadata);
  }

  _write(chunk, encoding, done) {
    this._begin();
    const data = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding);
    if (this._outlet.send("C", data)) done();
    else this._outlet.whenDrained(done);
  }

  _final(done) {
    this._begin();
    done();
  }
}

// Runs a handler that streams. `outlet` has `send(kind, data)`, which says whether more may follow at
// once, and `whenDrained(done)`; `answer("A", "")` ends what was sent, `fail(fault)` reports an error.
function streamAnswer(handler, event, context, outlet, answer, fail) {
  const out = new ResponseStream(outlet, handler[HIGH_WATER_MARK]);
  out.on("error", fail);
  const returned = handler(event, out, context);
  if (!returned || typeof returned.then !== "function") {
    const fault = new Error("Streaming does not support non-async handlers.");
    fault.name = "Runtime.MalformedStreamingHandler";
    fail(fault);
    return;
  }
  returned.then(() => {
    if (out.writableFinished) return answer("A", "");
    if (!out.writableEnded) {
      const fault = new Error("Response stream is not finished.");
      fault.name = "Runtime.StreamError";
      return fail(fault);
    }
    out.once("finish", () => answer("A", ""));
  }, fail);
}

module.exports = { HttpResponseStream, isStreaming, streamAnswer, streamifyResponse };
